import type * as automation from "@pulumi/pulumi/automation";
import { createRequire, registerHooks } from "node:module";
import { join, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { isPackage, projectRoot } from "../machine/projectRoot";
import { whyNoImage } from "../tasks/images/images";
import { keepHandlers } from "./keptHandlers";
import type { OperationResult, ProgramAnswer, ProgramRequest } from "./operation";

// The process of one operation: the engine calls back into it to run the program.

// The SDK takes a stack for every promise: to map each to its source would take a quarter of the time.
Reflect.deleteProperty(Error, "prepareStackTrace");

const examples = join(projectRoot, "examples") + sep;

/** The examples take the package from npm; in this checkout it is the package as it stands here. */
function resolvePackage(): void {
    const from = pathToFileURL(examples).href;
    registerHooks({
        resolve: (specifier, context, nextResolve) =>
            specifier === "taskgate" && context.parentURL?.startsWith(from)
                ? nextResolve(join(projectRoot, "components", "index.ts"), context)
                : nextResolve(specifier, context),
    });
}

process.once("message", (request: ProgramRequest) => {
    run(request).then(
        (result) => answer({ kind: "result", result }),
        (error: unknown) => answer({ kind: "failure", message: messageOf(error) }),
    );
});

function answer(message: ProgramAnswer): void {
    process.send?.(message, (error: Error | null) => {
        if (error) {
            console.error(error); // into the log: nobody else listens
        }
        process.exit(error ? 1 : 0);
    });
}

async function run(request: ProgramRequest): Promise<OperationResult> {
    if (request.program.startsWith(examples)) {
        resolvePackage(); // every other `require` would be slower
    }
    // The program's own SDK: what the engine tells this process must reach the copy that the program uses.
    const requireOfProgram = createRequire(request.program);
    const { LocalWorkspace, PulumiCommand } = requireOfProgram("@pulumi/pulumi/automation") as typeof automation;
    if (!isPackage) {
        keepHandlers(requireOfProgram);
    }
    // Whoever asked is gone: the CLI, whose program and providers end with this process, is told to end, too.
    const ended = new AbortController();
    process.once("disconnect", () => {
        ended.abort();
        process.exit(1);
    });

    const events: automation.EngineEvent[] = [];
    const thrown: unknown[] = [];
    /** Of what is previewed: the provider cannot see it before other resources are there. */
    const unfit: string[] = [];
    const pulumiCommand = await PulumiCommand.get({ root: request.pulumiRoot });
    const program = async () => {
        try {
            return await exportsOf(requireOfProgram(request.program));
        } catch (error) {
            thrown.push(error);
            throw error;
        }
    };
    const { stack: stackName, projectName, workspace: workDir } = request;
    const settings = { pulumiCommand, workDir, envVars: { ...request.environment } };
    const stack = /\.yaml$/.test(request.program)
        ? await LocalWorkspace.createOrSelectStack({ stackName, workDir }, settings) // the engine's own YAML host runs it
        : await LocalWorkspace.createOrSelectStack({ stackName, projectName, program }, settings);
    Object.assign(stack, { info: () => Promise.resolve() }); // the history's last entry: nobody reads it
    const { folder, config } = request.policyPack ?? {};
    const options = {
        color: "never" as const,
        ...(folder !== undefined && { policyPacks: [folder] }),
        ...(config !== undefined && { policyPackConfigs: [config] }),
        onOutput: (text: string) => process.send?.({ kind: "output", text } satisfies ProgramAnswer),
        onEvent: (event: automation.EngineEvent) => {
            events.push(event);
            unfit.push(...unfitOf(event, request.environment));
            const { op, type, urn } = event.resOutputsEvent?.metadata ?? {};
            if (op !== undefined && type !== undefined && urn !== undefined) {
                const name = urn.slice(urn.lastIndexOf("::") + 2);
                process.send?.({ kind: "progress", progress: { op, type, name } } satisfies ProgramAnswer);
            }
        },
        signal: ended.signal,
        ...(request.refresh && { refresh: true }),
    };
    if (request.unlock) {
        await stack.cancel().catch(() => undefined); // it may have none
    }
    try {
        const done = await stack[request.operation](options);
        if (request.operation === "preview" && unfit.length > 0) {
            throw new Error([...new Set(unfit)].join("\n"));
        }
        const outputs = (done as Partial<automation.UpResult>).outputs ?? {};
        return {
            changes: { ...events.find((event) => event.summaryEvent)?.summaryEvent?.resourceChanges },
            outputs: Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value])),
            resources: events
                .flatMap(({ resourcePreEvent: event }) => (event ? [event.metadata] : []))
                .filter(({ op }) => op !== "refresh" || request.operation === "refresh") // an up reads, then does
                .map(({ urn, type, op }) => ({ urn, type, op })),
            stdout: done.stdout,
        };
    } catch (error) {
        const diagnostics = events.flatMap(({ diagnosticEvent }) => (diagnosticEvent ? [diagnosticEvent] : []));
        const refusals = events.flatMap(({ policyEvent }) => (policyEvent ? refusalOf(policyEvent) : []));
        const reasons = [...new Set([...reasonsOf(diagnostics, thrown), ...refusals])];
        throw reasons.length > 0 ? new Error(reasons.join("\n"), { cause: error }) : error;
    }
}

function unfitOf(
    { resourcePreEvent }: automation.EngineEvent,
    environment: Readonly<Record<string, string>>,
): string[] {
    const { type, urn, new: given } = resourcePreEvent?.metadata ?? {};
    const image: unknown = (given?.inputs as Record<string, unknown> | undefined)?.image;
    if (!type?.startsWith("taskgate:index:") || typeof image !== "string" || image === "" || urn === undefined) {
        return [];
    }
    const reason = whyNoImage("app", image, environment);
    return reason === undefined ? [] : [`${type} (${urn.slice(urn.lastIndexOf("::") + 2)}): ${reason}`];
}

/** A program's outputs are what its module exports: values, or a function that gives them. */
async function exportsOf(module: unknown): Promise<Record<string, unknown>> {
    const exported: unknown = await (typeof module === "function" ? (module as () => unknown)() : module);
    return { ...(exported as Record<string, unknown>) };
}

/** What went wrong, once and without stacks: those stand in the log. */
function reasonsOf(diagnostics: readonly automation.DiagnosticEvent[], thrown: readonly unknown[]): string[] {
    const messages = thrown.map(messageOf);
    const errors = diagnostics.filter(({ severity }) => severity === "error").map(lineOf);
    // The engine tells what the program threw, too.
    const others = errors.filter((line) => !messages.some((message) => isAbout(line, message)));
    return [...new Set([...messages, ...others])].filter((line) => line !== "" && !consequences.test(line));
}

/** By a rule of a policy pack; what is only advised is in the log. */
function refusalOf({ resourceUrn = "", enforcementLevel, policyName, message }: automation.PolicyEvent): string[] {
    const refusal = lineOf({ urn: resourceUrn, message: `${policyName}: ${message}` } as automation.DiagnosticEvent);
    return enforcementLevel === "mandatory" ? [refusal.replace(/\s*\n\s*/g, " ")] : [];
}

function isAbout(line: string, message: string): boolean {
    const [lineHead, messageHead] = [line.split("\n")[0], message.split("\n")[0]];
    return lineHead.includes(messageHead) || messageHead.includes(lineHead);
}

/** Said of an operation because something else went wrong before. */
const consequences =
    /^(preview|update|destroy|refresh) failed$|resource monitor shut down|client connection is closing|^One or more errors occurred/;

function lineOf({ urn, message }: automation.DiagnosticEvent): string {
    const text = message
        .replace(/<\{%.*?%\}>/g, "") // colours
        .replace(/^Unhandled exception: (Error: )?/, "")
        .replace(/\n {4}at .*/g, "")
        .trim();
    const [, , type, name] = urn?.split("::") ?? [];
    return type === undefined || type === "pulumi:pulumi:Stack" ? text : `${type.split("$").at(-1)} (${name}): ${text}`;
}

function messageOf(error: unknown): string {
    if (!(error instanceof Error)) {
        return String(error);
    }
    if ("commandResult" in error) {
        const { stderr = error.message } = error.commandResult as { readonly stderr?: string };
        return /^error: (.*)/ms.exec(stderr)?.[1].trim() ?? stderr;
    }
    const faults = "errors" in error && Array.isArray(error.errors) ? (error.errors as PropertyFault[]) : [];
    const message = error.name === "Error" ? error.message : `${error.name}: ${error.message}`;
    return [message, ...faults.map(({ propertyPath, reason }) => `    ${propertyPath}: ${reason}`)].join("\n");
}

/** Of a pulumi.InputPropertiesError. */
interface PropertyFault {
    readonly propertyPath: string;
    readonly reason: string;
}
