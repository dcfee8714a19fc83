import type * as automation from "@pulumi/pulumi/automation";
import { createRequire } from "node:module";
import type { OperationResult, ProgramAnswer, ProgramRequest } from "./operation";

// The process of one operation: the engine calls back into it to run the program.

process.once("message", (request: ProgramRequest) => {
    run(request).then(
        (result) => answer({ kind: "result", result }),
        (error: unknown) => answer({ kind: "failure", messages: [messageOf(error)] }),
    );
});

function answer(message: ProgramAnswer): void {
    process.send?.(message, () => process.exit());
}

async function run(request: ProgramRequest): Promise<OperationResult> {
    // The program's own SDK: what the engine tells this process must reach the copy that the program uses.
    const requireOfProgram = createRequire(request.program);
    const { LocalWorkspace, PulumiCommand } = requireOfProgram("@pulumi/pulumi/automation") as typeof automation;
    const ended = new AbortController();
    process.once("disconnect", () => ended.abort());

    const events: automation.EngineEvent[] = [];
    let programError: unknown;
    const pulumiCommand = await PulumiCommand.get({ root: request.pulumiRoot });
    const stack = await LocalWorkspace.createOrSelectStack(
        {
            stackName: request.stack,
            projectName: request.projectName,
            program: async () => {
                try {
                    return await exportsOf(requireOfProgram(request.program));
                } catch (error) {
                    programError = error;
                    throw error;
                }
            },
        },
        { pulumiCommand, workDir: request.workspace, envVars: { ...request.environment } },
    );
    const options = {
        color: "never" as const,
        onOutput: (text: string) => process.send?.({ kind: "output", text } satisfies ProgramAnswer),
        onEvent: (event: automation.EngineEvent) => events.push(event),
        signal: ended.signal,
    };
    try {
        const done = await stack[request.operation](options);
        const outputs = "outputs" in done ? done.outputs : {};
        return {
            changes: { ...events.find((event) => event.summaryEvent)?.summaryEvent?.resourceChanges },
            outputs: Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value])),
            resources: events.flatMap(({ resourcePreEvent: event }) =>
                event ? [{ urn: event.metadata.urn, type: event.metadata.type }] : [],
            ),
            stdout: done.stdout,
        };
    } catch (error) {
        const diagnostics = events.flatMap(({ diagnosticEvent }) => (diagnosticEvent ? [diagnosticEvent] : []));
        throw new Error(describe(diagnostics, programError ?? error));
    }
}

/** A program's outputs are what its module exports: values, or a function that gives them. */
async function exportsOf(module: unknown): Promise<Record<string, unknown>> {
    const exported: unknown = await (typeof module === "function" ? (module as () => unknown)() : module);
    return { ...(exported as Record<string, unknown>) };
}

/** The engine's error diagnostics, each with the resource it belongs to; what went wrong before there were any otherwise. */
function describe(diagnostics: readonly automation.DiagnosticEvent[], error: unknown): string {
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    return errors.length > 0 ? errors.map(lineOf).join("\n") : messageOf(error);
}

function lineOf({ urn, message }: automation.DiagnosticEvent): string {
    const text = message.replace(/<\{%.*?%\}>/g, "").trim();
    const [, , type, name] = urn?.split("::") ?? [];
    return type === undefined || type === "pulumi:pulumi:Stack" ? text : `${type.split("$").at(-1)} (${name}): ${text}`;
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
