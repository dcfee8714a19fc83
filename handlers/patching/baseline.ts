// What is held against a running task: which of its images are old, have findings or have been replaced, how long it runs and on what.

/** Severities of ECR's findings, the worst first. */
export const severities = ["CRITICAL", "HIGH", "MEDIUM", "LOW"] as const;
export type Severity = (typeof severities)[number];

/** What tasks must keep to. */
export interface Baseline {
    /** Days since its start. */
    readonly maxTaskAge: number;
    /** Whether a newer image under the same tag is reason enough. */
    readonly newerImages: boolean;
    /** Days since an image was pushed; no limit when undefined. */
    readonly maxImageAge?: number;
    /** The least severity of a finding that counts; none does when undefined. */
    readonly findingSeverity?: Severity;
    /** Such as `1.4.0`; any will do when undefined. */
    readonly minimumPlatformVersion?: string;
}

/** What a container runs, as far as ECR tells. */
export interface ContainerSight {
    readonly name: string;
    readonly image: string;
    readonly digest?: string;
    readonly pushedAt?: number;
    /** How many findings there are, by severity; unknown when undefined. */
    readonly findings?: Readonly<Record<string, number>>;
    /** What its tag names now, and since when that is there. */
    readonly tagged?: { readonly digest: string; readonly pushedAt: number };
}

export interface TaskSight {
    readonly taskArn: string;
    /** Name of the service that keeps it, if one does. */
    readonly service?: string;
    readonly startedAt: number;
    /** When its images' tags were looked up: a service does so once, for a deployment. */
    readonly resolvedAt: number;
    readonly platformVersion?: string;
    /** What it would be started on, if that is one version and not the latest. */
    readonly pinnedPlatformVersion?: string;
    readonly containers: readonly ContainerSight[];
    /** When its owner has it stopped, as the tag says. */
    readonly stopAt?: string;
}

/** AWS Health's notice that tasks are going to be stopped. */
export interface Retirement {
    readonly id: string;
    /** From when on Fargate stops them. */
    readonly at: number;
    /** Tasks that started after the notice run on something newer. */
    readonly toldAt: number;
    /** Of this cluster. */
    readonly services: readonly string[];
    readonly taskArns: readonly string[];
}

export type Reason = "Retirement" | "Findings" | "NewerImage" | "ImageAge" | "PlatformVersion" | "TaskAge";

/** Something that is held against a task, or will be. */
export interface Due {
    readonly reason: Reason;
    readonly detail: string;
    /** Whose image it is about. */
    readonly container?: string;
    /** It must be gone by then; as soon as may be when undefined. */
    readonly by?: number;
    /** What another task of the same kind would not change, and what would. */
    readonly blocked?: string;
}

const DAY = 86_400_000;

/** All of it, the worst reasons first. */
export function duesOf(
    task: TaskSight,
    baseline: Baseline,
    retirements: readonly Retirement[],
    now: number,
): readonly Due[] {
    const { maxTaskAge, minimumPlatformVersion } = baseline;
    const retired = retirements.filter(
        ({ toldAt, services, taskArns }) =>
            task.startedAt < toldAt &&
            (taskArns.includes(task.taskArn) || (task.service !== undefined && services.includes(task.service))),
    );
    return [
        ...retired.map(({ at, id }): Due => ({ reason: "Retirement", detail: id, by: at })),
        ...task.containers.flatMap((container) => imageDues(task, container, baseline, now)),
        ...platformDues(task, minimumPlatformVersion),
        {
            reason: "TaskAge",
            detail: `more than ${maxTaskAge} days old from then on`,
            by: task.startedAt + maxTaskAge * DAY,
        },
    ];
}

/** Whether it counts against a task now. */
export function isAgainst({ by }: Due, now: number): boolean {
    return by === undefined || by <= now;
}

/** The digest that a task started now would run instead. */
export function newerDigest(task: TaskSight, { digest, tagged }: ContainerSight): string | undefined {
    // By the time, too: of an image for several platforms ECS may tell one platform's digest, which the tag never has.
    const isNewer = digest !== undefined && tagged !== undefined && tagged.digest !== digest;
    return isNewer && tagged.pushedAt > task.resolvedAt ? tagged.digest : undefined;
}

function imageDues(task: TaskSight, container: ContainerSight, baseline: Baseline, now: number): Due[] {
    const { name, pushedAt, findings = {} } = container;
    const { maxImageAge, findingSeverity, newerImages } = baseline;
    const isReplaced = newerDigest(task, container) !== undefined;
    const about = { container: name, ...(!isReplaced && { blocked: "its tag names no newer image: push a new one" }) };
    const counted = severities.slice(0, findingSeverity === undefined ? 0 : severities.indexOf(findingSeverity) + 1);
    const found = counted.filter((severity) => (findings[severity] ?? 0) > 0);
    const told = found.map((severity) => `${findings[severity]} ${severity}`).join(", ");
    const isOld = maxImageAge !== undefined && pushedAt !== undefined && pushedAt + maxImageAge * DAY <= now;
    return [
        ...(found.length > 0 ? [{ ...about, reason: "Findings" as const, detail: told }] : []),
        ...(newerImages && isReplaced
            ? [{ ...about, reason: "NewerImage" as const, detail: "its tag names another image" }]
            : []),
        ...(isOld
            ? [{ ...about, reason: "ImageAge" as const, detail: `pushed more than ${maxImageAge} days ago` }]
            : []),
    ];
}

function platformDues({ platformVersion, pinnedPlatformVersion }: TaskSight, minimum: string | undefined): Due[] {
    if (minimum === undefined || platformVersion === undefined || !isOlder(platformVersion, minimum)) {
        return [];
    }
    const isPinned = pinnedPlatformVersion !== undefined && isOlder(pinnedPlatformVersion, minimum);
    return [
        {
            reason: "PlatformVersion",
            detail: `${platformVersion} is older than ${minimum}`,
            ...(isPinned && { blocked: `its service asks for ${pinnedPlatformVersion}: change that` }),
        },
    ];
}

function isOlder(version: string, than: string): boolean {
    const [ours, others] = [version, than].map((each) => each.split(".").map(Number));
    const index = others.findIndex((part, place) => part !== (ours[place] ?? 0));
    return index >= 0 && (ours[index] ?? 0) < others[index];
}
