// A cluster on a virtual clock: windows, pushed images, findings, retirements and deployments that fail, drawn from a seed.
import * as fc from "fast-check";

import type { Baseline, Retirement, TaskSight } from "../../handlers/patching/baseline";
import { noState, type PatchingState, planOf, type PlanSettings, stopTimeOf } from "../../handlers/patching/plan";
import { type Opening, type Openings, openingsOf, type WindowSettings } from "../../handlers/maintenanceWindows";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

export interface Quarter {
    readonly from: number;
    readonly window: WindowSettings;
    readonly settings: PlanSettings;
    readonly services: number;
    /** By day: of which service a new image is pushed, or what runs has a finding. */
    readonly pushes: readonly (readonly [day: number, service: number])[];
    readonly findings: readonly (readonly [day: number, service: number])[];
    /** By day: of which service (or of the tasks that none keeps), and after how many days they are stopped. */
    readonly retirements: readonly (readonly [day: number, service: number, days: number])[];
    /** By number of the window, and one service whose deployment fails in it. */
    readonly failures: readonly (readonly [window: number, service: number])[];
    /** Minutes that a deployment takes. */
    readonly minutes: number;
}

export const quarterDays = 91;

/** Failures never in two windows in a row: the plan leaves one in reserve. */
export function anyQuarter(services: number): fc.Arbitrary<Quarter> {
    const day = fc.integer({ min: 1, max: quarterDays - 1 });
    const service = fc.integer({ min: 0, max: services - 1 });
    return fc.record({
        from: fc.constantFrom("2026-01-01", "2026-03-01", "2026-09-20").map((text) => Date.parse(`${text}T00:00:00Z`)),
        window: fc.record({
            schedule: fc.constantFrom("cron(0 2 ? * SUN *)", "cron(30 1 ? * TUE,FRI *)", "cron(15 22 * * ? *)"),
            scheduleTimezone: fc.constantFrom("UTC", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe"),
            duration: fc.constant(4),
            cutoff: fc.constant(1),
        }),
        settings: fc.record({
            baseline: fc.constant<Baseline>({ maxTaskAge: 30, newerImages: true, findingSeverity: "HIGH" }),
            maxConcurrency: fc.integer({ min: 1, max: 3 }),
            maxErrors: fc.integer({ min: 0, max: 1 }),
            stopTasks: fc.constant(true),
            noticePeriod: fc.constantFrom(1, 24),
        }),
        services: fc.constant(services),
        pushes: fc.array(fc.tuple(day, service), { maxLength: 12 }),
        findings: fc.array(fc.tuple(day, service), { maxLength: 6 }),
        retirements: fc.array(fc.tuple(day, fc.integer({ min: 0, max: services }), fc.integer({ min: 1, max: 14 })), {
            maxLength: 5,
        }),
        failures: fc.array(
            fc.tuple(
                fc.integer({ min: 0, max: 45 }).map((half) => 2 * half),
                service,
            ),
            {
                maxLength: 20,
            },
        ),
        minutes: fc.integer({ min: 2, max: 19 }),
        // What is begun last ends within the cut-off of an hour.
    });
}

interface Deployment {
    readonly id: string;
    readonly createdAt: number;
    readonly digest: string;
    rolloutState: "COMPLETED" | "IN_PROGRESS" | "FAILED";
    readonly endsAt: number;
    readonly fails: boolean;
}

interface Service {
    readonly name: string;
    deployments: Deployment[];
    tagged: { digest: string; pushedAt: number };
    startedAt: number;
}

/** What a quarter showed. */
export interface Told {
    readonly faults: string[];
    redeployments: number;
    failed: number;
    urgent: number;
    stopped: number;
}

/** Lives through it, a look every five minutes; `faults` are promises that were not kept. */
export function liveThrough(quarter: Quarter): Told {
    const { from, settings, window, minutes } = quarter;
    const until = from + quarterDays * DAY;
    const all = allOpenings(window, from - 31 * DAY, until + 62 * DAY);
    const openings = among(all);
    const numberOf = (opening: Opening): number => all.findIndex(({ opensAt }) => opensAt === opening.opensAt);
    const told: Told = { faults: [], redeployments: 0, failed: 0, urgent: 0, stopped: 0 };
    const fault = (now: number, text: string): void => void told.faults.push(`${new Date(now).toISOString()} ${text}`);

    let digests = 0;
    const newDigest = (): string => `sha256:${String(++digests).padStart(64, "0")}`;
    const services = Array.from({ length: quarter.services }, (_, index): Service => {
        const digest = newDigest();
        // They have run for some days, and not all for as many.
        const startedAt = from - (index % 10) * DAY;
        const first = { id: `first-${index}`, createdAt: startedAt, digest, endsAt: startedAt, fails: false };
        return {
            name: `service-${index}`,
            deployments: [{ ...first, rolloutState: "COMPLETED" }],
            tagged: { digest, pushedAt: startedAt - DAY },
            startedAt,
        };
    });
    const findings = new Map<string, number>();
    const retirements: Retirement[] = [];
    let number = 0;
    // Tasks that no service keeps: their owners start another when one has ended; every other one names an hour.
    const ownTask = (startedAt: number): TaskSight => ({
        taskArn: `own-${number++}`,
        startedAt,
        resolvedAt: startedAt,
        containers: [],
        ...(number % 2 === 0 && { stopAt: new Date(startedAt + 29 * DAY + 12 * HOUR).toISOString() }),
    });
    let own = [ownTask(from), ownTask(from - 3 * DAY)];
    const toldAt = new Map<string, number>();
    let state: PatchingState = noState;

    const running = ({ deployments }: Service): Deployment => {
        return deployments.find(({ rolloutState }) => rolloutState === "COMPLETED")!;
    };
    const sightOf = (service: Service): TaskSight => ({
        taskArn: `${service.name}-task`,
        service: service.name,
        startedAt: service.startedAt,
        resolvedAt: running(service).createdAt,
        containers: [
            {
                name: "app",
                image: service.name,
                digest: running(service).digest,
                findings: findings.has(running(service).digest) ? { HIGH: 1 } : {},
                tagged: service.tagged,
            },
        ],
    });

    for (let now = from; now <= until; now += 5 * MINUTE) {
        // The world goes on.
        const today = (now - from) / DAY;
        quarter.pushes
            .filter(([day]) => day === today)
            .forEach(([, index]) => (services[index].tagged = { digest: newDigest(), pushedAt: now }));
        quarter.findings
            .filter(([day]) => day === today)
            .forEach(([, index]) => findings.set(running(services[index]).digest, now));
        quarter.retirements
            .filter(([day]) => day === today)
            .forEach(([, index, days], place) =>
                retirements.push({
                    ...{ id: `notice-${today}-${place}`, at: now + days * DAY, toldAt: now },
                    services: index < services.length ? [services[index].name] : [],
                    taskArns: index < services.length ? [] : own.map(({ taskArn }) => taskArn),
                }),
            );
        for (const service of services) {
            const [latest, ...rest] = service.deployments;
            if (latest.rolloutState === "IN_PROGRESS" && latest.endsAt <= now) {
                if (latest.fails) {
                    latest.rolloutState = "FAILED";
                    service.deployments = [running(service), latest]; // rolled back
                } else {
                    latest.rolloutState = "COMPLETED";
                    service.deployments = [latest];
                    service.startedAt = latest.createdAt;
                }
            } else if (rest.some(({ rolloutState }) => rolloutState === "FAILED")) {
                service.deployments = [latest];
            }
        }

        // The look.
        const sight = {
            tasks: [...services.map(sightOf), ...own],
            retirements,
            services: services.map(({ name, deployments }) => ({
                ...{ name, isRolling: true },
                deployments: deployments.map(({ id, rolloutState, createdAt }, index) => ({
                    ...{ id, rolloutState, createdAt },
                    isPrimary: index === 0,
                })),
            })),
        };
        const plan = planOf(state, sight, settings, openings, now);
        state = plan.state;
        told.failed += plan.failed.length;
        for (const { service: name, dues } of plan.redeploy) {
            const service = services.find((each) => each.name === name)!;
            const opening = openings.at(now);
            const isInWindow = opening !== undefined && now < opening.startsUntil;
            const isRetired = dues.some(({ reason }) => reason === "Retirement");
            told.redeployments++;
            if (!isInWindow) {
                told.urgent++;
                const by = Math.min(...dues.map((due) => due.by ?? Infinity));
                if (!isRetired || openings.after(now)!.closesAt <= by) {
                    fault(now, `${name} is redeployed out of a window for ${JSON.stringify(dues)}`);
                }
            }
            const fails =
                opening !== undefined &&
                quarter.failures.some(([of, index]) => of === numberOf(opening) && services[index] === service);
            const deployment: Deployment = {
                ...{ id: `${name}-${told.redeployments}`, createdAt: now, digest: service.tagged.digest },
                ...{ rolloutState: "IN_PROGRESS", endsAt: now + (fails ? 3 : 1) * minutes * MINUTE, fails },
            };
            if (isInWindow && deployment.endsAt > opening.closesAt) {
                fault(now, `${name} runs over the window's end`);
            }
            service.deployments = [deployment, running(service)];
            const begun = { ...state.redeployments[name], deployment: deployment.id };
            state = { ...state, redeployments: { ...state.redeployments, [name]: begun } };
        }
        const underWay = services.filter(({ deployments: [{ rolloutState }] }) => rolloutState === "IN_PROGRESS");
        if (underWay.length > settings.maxConcurrency) {
            fault(now, `${underWay.length} are redeployed at once, of ${settings.maxConcurrency}`);
        }
        const failedHere = state.opening === undefined ? 0 : new Set(state.opening.failed).size;
        const startedHere = plan.redeploy.length > 0 && openings.at(now)?.opensAt === state.opening?.opensAt;
        if (startedHere && failedHere > settings.maxErrors && plan.redeploy.some(({ dues }) => !isOfRetirement(dues))) {
            fault(now, `goes on after ${failedHere} failures`);
        }
        for (const { task, stopBy, since } of plan.tell) {
            toldAt.set(task.taskArn, toldAt.get(task.taskArn) ?? now);
            state = { ...state, told: { ...state.told, [task.taskArn]: { at: since, stopBy } } };
        }
        for (const { taskArn } of plan.stop) {
            const task = own.find((each) => each.taskArn === taskArn)!;
            const { at, stopBy } = state.told[taskArn];
            if (!toldAt.has(taskArn) || now < stopTimeOf(task, { since: at, stopBy })) {
                fault(now, `${taskArn} is stopped before its time`);
            }
            told.stopped++;
            own = [...own.filter((each) => each !== task), ownTask(now)];
        }

        // What is promised of each instant.
        for (const task of [...services.map(sightOf), ...own]) {
            if (now > task.startedAt + settings.baseline.maxTaskAge * DAY) {
                fault(now, `${task.taskArn} is older than ${settings.baseline.maxTaskAge} days`);
            }
        }
        for (const { at, toldAt: noticed, services: names, taskArns } of retirements) {
            const late = services.filter(({ name, startedAt }) => names.includes(name) && startedAt < noticed);
            const lateOwn = own.filter(({ taskArn }) => taskArns.includes(taskArn));
            if (now === at) {
                late.forEach(({ name }) => fault(now, `${name} was not replaced before Fargate retires it`));
                lateOwn.forEach(({ taskArn }) => fault(now, `${taskArn} was not stopped before Fargate does`));
            }
        }
    }
    // What was pushed more than two windows before the end runs everywhere.
    const last = all.filter(({ closesAt }) => closesAt <= until).at(-2)!;
    for (const service of services) {
        if (service.tagged.pushedAt < last.opensAt && running(service).digest !== service.tagged.digest) {
            fault(until, `${service.name} does not run its newest image`);
        }
    }
    return told;
}

function isOfRetirement(dues: readonly { readonly reason: string }[]): boolean {
    return dues.some(({ reason }) => reason === "Retirement");
}

function allOpenings(window: WindowSettings, from: number, until: number): Opening[] {
    const openings = openingsOf(window);
    const all: Opening[] = [];
    for (
        let next = openings.after(from);
        next !== undefined && next.opensAt < until;
        next = openings.after(next.opensAt)
    ) {
        all.push(next);
    }
    return all;
}

/** The same, asked for often. */
function among(all: readonly Opening[]): Openings {
    return {
        at: (now) => all.find(({ opensAt, closesAt }) => opensAt <= now && now < closesAt),
        after: (now) => all.find(({ opensAt }) => opensAt > now),
    };
}
