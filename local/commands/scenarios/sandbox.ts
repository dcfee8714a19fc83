// The whole life of examples/sandbox: `npm start -- --scenario sandbox`.
import { ListrTask } from "listr2";

import type { SessionError } from "../../../client";
import { eventually } from "../../internet/caller";
import { fetchFrom } from "../../internet/fetch";
import { goThrough, operation, runningSystem, Stack, StackReport } from "../steps";
import { exampleOptions } from "./example";
import {
    audience,
    certificateAwaited,
    clientOf,
    type Life,
    peopleSignedIn,
    providerOf,
    region,
    tokenOf,
} from "./sessions";

/** What `--report` writes. */
export interface SandboxReport extends StackReport {
    /** What the agent's code printed: a sum, a file of the run before and the variables that it sees, an error (true: the one it threw). */
    runs?: { exitCode: number; output: string | true }[];
    /** What others got: statuses of the sandbox, the API's problem. */
    others?: Record<string, number | string>;
    /** When the agent had done. */
    closed?: { state: string; after: string };
}

const agent = { sub: "agent-7" };
const another = { sub: "agent-8" };

/** Runs the whole life. The report holds what was seen, up to a step that failed. */
export async function sandboxLife(report: SandboxReport, name: string): Promise<void> {
    const life: Life = {};
    const stack: Stack<Life> = {
        projectName: "sandbox",
        options: (system) =>
            exampleOptions("sandbox", system, {
                "aws:region": region,
                domain: `sandboxes.${system.domain}`,
                issuer: providerOf(life).issuer,
                audience,
            }),
        onUp: (context, _, { apiUrl, certificateSecretArn }) =>
            Object.assign(context, { apiUrl, secretArn: certificateSecretArn }),
    };
    const steps: ListrTask<Life>[] = [
        peopleSignedIn(),
        operation("up", report, stack),
        certificateAwaited(),
        codeRun(report),
        othersRefused(report),
        closed(report),
    ];
    await goThrough({ name, life, report, stack }, steps);
}

function codeRun(report: SandboxReport): ListrTask<Life> {
    return {
        title: "an agent opens its sandbox and runs code in it",
        task: async (life, step) => {
            const get = fetchFrom(runningSystem(life).file);
            life.first = await clientOf(life, "agents", agent).open(agent.sub);
            const headers = { authorization: `Bearer ${await tokenOf(life, "agents", agent)}` };
            report.runs = [];
            for (const body of [
                `import { writeFileSync } from "node:fs"; writeFileSync("note", "kept"); console.log(6 * 7);`,
                `import { readFileSync } from "node:fs"; console.log(readFileSync("note", "utf8"), Object.keys(process.env).join());`,
                `throw new Error("no such thing");`,
            ]) {
                const answer = await get(`${life.first.url}/run`, { method: "POST", headers, body });
                const { exitCode, output } = (await answer.json()) as { exitCode: number; output: string };
                report.runs.push({ exitCode, output: output.includes("Error: no such thing") || output });
            }
            step.title = `${step.title}: ${life.first.url}, ${JSON.stringify(report.runs[0])}`;
        },
    };
}

function othersRefused(report: SandboxReport): ListrTask<Life> {
    return {
        title: "nobody else gets in",
        task: async (life) => {
            const get = fetchFrom(runningSystem(life).file);
            const status = async (headers: Record<string, string>): Promise<number> =>
                (await get(`${life.first!.url}/run`, { method: "POST", headers, body: "" })).status;
            report.others = {
                "another agent": await status({
                    authorization: `Bearer ${await tokenOf(life, "agents", another)}`,
                }),
                "no token": await status({}),
                "another's sandbox": await clientOf(life, "agents", another)
                    .open(agent.sub)
                    .then(
                        () => "none",
                        (error: SessionError) => error.problem,
                    ),
            };
            if (Object.values(report.others).join() !== "403,401,not-yours") {
                throw new Error(`Somebody got in: ${JSON.stringify(report.others)}`);
            }
        },
    };
}

function closed(report: SandboxReport): ListrTask<Life> {
    return {
        title: "the agent closes it",
        task: async (life) => {
            const client = clientOf(life, "agents", agent);
            const { state } = await client.close(agent.sub);
            const after = await eventually("the end of the sandbox", () =>
                client.find(agent.sub).then(
                    () => undefined,
                    (error: SessionError) => error.problem,
                ),
            );
            report.closed = { state, after };
        },
    };
}
