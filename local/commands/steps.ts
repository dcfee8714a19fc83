// The steps of a stack's life that every report has: the local system, preview, up, up again after a refresh, and in the end nothing.
import { ListrTask } from "listr2";

import type { Allowance } from "../aws/permissions/allowances";
import { reportPermissions, sparedBy } from "../aws/permissions/report";
import type { RoleReport } from "../aws/permissions/report";
import type { Use } from "../aws/permissions/permissions";
import { SystemFile } from "../machine/systemFile";
import { OperationOptions, OperationResult, runOperation } from "../pulumi/operation";
import { ownPolicyPack } from "../pulumi/policyPack";
import { readState } from "../pulumi/state";
import { RunningSystem, startSystem, SystemOptions } from "../system";
import { runSteps } from "./progress";

/** What every report holds. Times are in milliseconds. */
export interface StackReport {
    preview?: Changes;
    up?: Changes;
    secondUp?: Changes;
    /** What the stack's roles have made of their permissions, each `<name of the role's resource> <action>`. */
    permissions?: PermissionsUsed;
    /** Whose requests made its task definitions: the one who deploys, as IAM saw it. */
    deployedBy?: string[];
    destroy?: { resources: number; processes: number };
}

export interface PermissionsUsed {
    /** Allowed, and asked for by nothing. */
    readonly surplus: readonly string[];
    /** Used, and allowed by another statement, too. */
    readonly spared: readonly string[];
    /** Asked for, and denied. */
    readonly missing: readonly string[];
}

interface Changes {
    readonly changes: Record<string, number>;
    readonly milliseconds: number;
}

/** What the steps hand on to each other. */
export interface Running {
    system?: RunningSystem;
}

/** The program that is run, and who is told of its outputs. */
export interface Stack<Context> {
    /** Of its Pulumi.yaml, or its folder. */
    readonly projectName: string;
    readonly options: (system: SystemFile) => OperationOptions;
    readonly onUp: (context: Context, system: SystemFile, outputs: Readonly<Record<string, unknown>>) => void;
}

/** Goes through a life: a system is started, the steps are gone through, the stack is destroyed. The system ends with it, however it ends. */
export async function goThrough<Context extends Running>(
    { life, report, stack, ...options }: Begun<Context>,
    steps: ListrTask<Context>[],
): Promise<void> {
    try {
        await runSteps(life, [systemUp(options), ...steps, destroyed(report, stack)]);
    } finally {
        await life.system?.stop();
    }
}

/** What a life begins with: the options are its system's. */
interface Begun<Context> extends Omit<SystemOptions, "onStep"> {
    readonly life: Context;
    readonly report: StackReport;
    readonly stack: Stack<Context>;
}

function systemUp<Context extends Running>(options: SystemOptions): ListrTask<Context> {
    return {
        title: "start the local AWS, certificate authority and DNS",
        task: async (context, step) => {
            context.system = await startSystem({ ...options, onStep: (text) => (step.output = text) });
        },
    };
}

/** Preview, up, and up again, which changes nothing. */
export function operations<Context extends Running>(report: StackReport, stack: Stack<Context>): ListrTask<Context>[] {
    return (["preview", "up", "secondUp"] as const).map((kind) => operation(kind, report, stack));
}

export function operation<Context extends Running>(
    kind: "preview" | "up" | "secondUp",
    report: StackReport,
    stack: Stack<Context>,
): ListrTask<Context> {
    const words = {
        preview: "pulumi preview",
        up: "pulumi up",
        secondUp: "pulumi refresh and up again, which changes nothing",
    };
    return {
        title: words[kind],
        task: async (context, step) => {
            const { file } = runningSystem(context);
            const started = Date.now();
            // Once is enough; of a preview much is not known yet.
            const policyPack = kind === "up" ? ownPolicyPack(file) : undefined;
            const options = { ...stack.options(file), policyPack, refresh: kind === "secondUp", stateAtEnd: true };
            const result = await runOperation(file, kind === "secondUp" ? "up" : kind, options);
            report[kind] = { changes: result.changes, milliseconds: Date.now() - started };
            step.title = `${step.title}: ${summary(result)}`;
            if (kind !== "preview") {
                stack.onUp(context, file, result.outputs);
            }
            const { same, ...changed } = result.changes;
            if (kind === "secondUp" && Object.keys(changed).length > 0) {
                throw new Error(`The second up changed something: ${JSON.stringify({ same, ...changed })}`);
            }
        },
    };
}

function summary({ changes }: OperationResult): string {
    return Object.entries(changes)
        .map(([kind, count]) => `${count} ${kind}`)
        .join(", ");
}

function destroyed<Context extends Running>(report: StackReport, stack: Stack<Context>): ListrTask<Context> {
    return {
        title: "pulumi destroy, and the end of every process",
        task: async (context, step) => {
            const system = runningSystem(context);
            const options = stack.options(system.file);
            report.permissions = await permissionsUsed(
                system,
                readState(system.file, options.stack, stack.projectName),
            );
            await runOperation(system.file, "destroy", { ...options, stateAtEnd: true });
            report.deployedBy = deployers(system);
            const remaining = readState(system.file, options.stack, stack.projectName).resources.length;
            const processes = await system.stop();
            context.system = undefined;
            report.destroy = { resources: remaining, processes };
            step.title = `${step.title}: ${remaining} resources and ${processes} processes are left`;
            if (remaining + processes > 0) {
                throw new Error(`Something is left: ${JSON.stringify(report.destroy)}`);
            }
        },
    };
}

/** Of the roles of a stack. */
async function permissionsUsed(
    { permissions }: RunningSystem,
    { resources }: ReturnType<typeof readState>,
): Promise<PermissionsUsed> {
    const names = new Map(
        resources
            .filter(({ type }) => type === "aws:iam/role:Role")
            .map(({ urn, outputs }) => [String(outputs?.name), urn.split("::").at(-1)!]),
    );
    const reports = (await reportPermissions(permissions)).filter(({ role }) => names.has(role));
    const told = (of: (report: RoleReport) => readonly Allowance[]): string[] => [
        ...new Set(reports.flatMap((one) => of(one).map(({ action }) => `${names.get(one.role)} ${action}`))),
    ];
    return { surplus: told(({ surplus }) => surplus), spared: told(sparedBy), missing: told(({ missing }) => missing) };
}

function deployers({ permissions }: RunningSystem): string[] {
    const registers = ([, uses]: [string, readonly Use[]]) =>
        uses.some(({ action }) => action === "ecs:RegisterTaskDefinition");
    return Object.entries(permissions.uses())
        .filter(registers)
        .map(([principal]) => principal);
}

export function runningSystem({ system }: Running): RunningSystem {
    if (system === undefined) {
        throw new Error("The local system does not run.");
    }
    return system;
}
