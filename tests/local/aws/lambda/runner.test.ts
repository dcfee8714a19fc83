import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import AdmZip from "adm-zip";
import { expect } from "chai";

import { createRunner } from "../../../../local/aws/lambda/runner";
import type { LambdaFunction, Runner, RunnerOptions } from "../../../../local/aws/lambda/runner";
import { createProcesses } from "../../../../local/machine/processes";
import type { Processes } from "../../../../local/machine/processes";

const arn = "arn:aws:lambda:eu-west-1:111122223333:function:probe";

function zipOf(files: Record<string, string>): Buffer {
    const zip = new AdmZip();
    Object.entries(files).forEach(([name, text]) => zip.addFile(name, Buffer.from(text)));
    return zip.toBuffer();
}

describe("Lambda runner", () => {
    let directory: string;
    let processes: Processes;
    let runner: Runner;

    function start(options: Partial<RunnerOptions> = {}): void {
        runner = createRunner({ gatewayUrl: "http://127.0.0.1:1", directory, processes, ...options });
    }

    /** Deploys `index.js` with this text (or these files) as the function. */
    function deploy(code: string | Record<string, string>, definition: Partial<LambdaFunction> = {}): void {
        runner.deploy({
            arn,
            name: "probe",
            handler: "index.handler",
            timeout: 100,
            memorySize: 256,
            logGroup: "/aws/lambda/probe",
            role: "arn:aws:iam::111122223333:role/function",
            environment: { BEGUN: join(directory, "begun") },
            zip: zipOf(typeof code === "string" ? { "index.js": code } : code),
            ...definition,
        });
    }

    /** For a handler: waits until as many invocations have begun. */
    const untilBegun = `async function untilBegun(invocations) {
        const { appendFileSync, statSync } = require("node:fs");
        const file = process.env.BEGUN;
        appendFileSync(file, ".");
        while (statSync(file).size < invocations) {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
    }`;

    async function invoke(event: unknown = {}): Promise<unknown> {
        const { payload } = await runner.invoke(arn, { payload: JSON.stringify(event), requestId: "request-1" });
        return JSON.parse(payload) as unknown;
    }

    async function failure(event: unknown = {}): Promise<{ errorType: string; errorMessage: string }> {
        const { payload, isError } = await runner.invoke(arn, {
            payload: JSON.stringify(event),
            requestId: "request-1",
        });
        expect(isError).to.equal(true);
        const { errorType, errorMessage } = JSON.parse(payload) as { errorType: string; errorMessage: string };
        return { errorType, errorMessage };
    }

    /** With the numbers that change left out. */
    function shape(log: string): string[] {
        return log
            .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "TIME")
            .replace(/\d+(\.\d+)? (ms|MB)/g, "N $2")
            .trimEnd()
            .split("\n");
    }

    beforeEach(() => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        processes = createProcesses(directory);
        start();
    });

    afterEach(async () => {
        await runner.stop();
        expect(await processes.stop()).to.equal(0);
        rmSync(directory, { recursive: true });
    });

    it("runs the handler of the archive with the event and a context that counts down", async () => {
        deploy(`exports.handler = async (event, context) => {
            const remaining = context.getRemainingTimeInMillis();
            await new Promise((resolve) => setTimeout(resolve, 20));
            const { getRemainingTimeInMillis, logStreamName, ...rest } = context;
            return {
                event, rest, plausible: remaining <= 100_000 && remaining > 50_000,
                counts: getRemainingTimeInMillis() < remaining,
                stream: /^\\d{4}\\/\\d\\d\\/\\d\\d\\/\\[\\$LATEST\\][0-9a-f]{32}$/.test(logStreamName),
            };
        };`);
        expect(await invoke({ name: "Zoë" })).to.deep.equal({
            event: { name: "Zoë" },
            rest: {
                functionName: "probe",
                functionVersion: "$LATEST",
                invokedFunctionArn: arn,
                memoryLimitInMB: "256",
                awsRequestId: "request-1",
                logGroupName: "/aws/lambda/probe",
            },
            plausible: true,
            counts: true,
            stream: true,
        });
    });

    it("gives a function its own variables and Lambda's, and nothing of the machine's", async () => {
        process.env.TASKGATE_SECRET_OF_THE_HOST = "1";
        await runner.stop();
        start({ gatewayUrl: "http://127.0.0.1:4567", caFile: "/some/ca.pem" });
        deploy(
            `exports.handler = async () => ({ ...process.env, NODE_PATH: undefined, LAMBDA_TASK_ROOT: undefined,
            AWS_LAMBDA_LOG_STREAM_NAME: undefined, node: process.version.split(".")[0] });`,
            { environment: { COLOUR: "blue" } },
        );
        delete process.env.TASKGATE_SECRET_OF_THE_HOST;
        expect(await invoke()).to.deep.equal({
            COLOUR: "blue",
            PATH: "/usr/local/bin:/usr/bin:/bin",
            TZ: ":UTC",
            NODE_EXTRA_CA_CERTS: "/some/ca.pem",
            AWS_ENDPOINT_URL: "http://127.0.0.1:4567",
            AWS_REGION: "eu-west-1",
            AWS_DEFAULT_REGION: "eu-west-1",
            AWS_ACCESS_KEY_ID: "111122223333",
            AWS_SECRET_ACCESS_KEY: "local",
            AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
            AWS_LAMBDA_FUNCTION_NAME: "probe",
            AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
            AWS_LAMBDA_FUNCTION_MEMORY_SIZE: "256",
            AWS_LAMBDA_LOG_GROUP_NAME: "/aws/lambda/probe",
            _HANDLER: "index.handler",
            node: "v24",
        });
    });

    it("offers the AWS SDK, what is in the archive, and none of the project's packages", async () => {
        deploy({
            "index.js": `exports.handler = async (name) => Object.keys(require(name)).length > 0;`,
            "node_modules/carried/index.js": "exports.x = 1;",
        });
        expect(await invoke("@aws-sdk/client-route-53")).to.equal(true);
        expect(await invoke("carried")).to.equal(true);
        const { errorMessage } = await failure("acme-client");
        expect(errorMessage).to.match(/^Cannot find module 'acme-client'/);
    });

    it("calls AWS through the gateway with the account as the access key", async () => {
        const seen: string[] = [];
        const server = createServer((request, response) => {
            seen.push(
                `${request.method} ${request.url} ${/Credential=([^/]+)/.exec(request.headers.authorization ?? "")?.[1]}`,
            );
            response.end(
                "<GetHostedZoneCountResponse><HostedZoneCount>7</HostedZoneCount></GetHostedZoneCountResponse>",
            );
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        await runner.stop();
        start({ gatewayUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
        deploy(`exports.handler = async () => {
            const { Route53Client, GetHostedZoneCountCommand } = require("@aws-sdk/client-route-53");
            return (await new Route53Client({}).send(new GetHostedZoneCountCommand({}))).HostedZoneCount;
        };`);
        expect(await invoke()).to.equal(7);
        expect(seen).to.deep.equal(["GET /2013-04-01/hostedzonecount 111122223333"]);
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
    });

    it("loads ECMAScript modules and handlers in nested files and objects", async () => {
        deploy({ "a/index.mjs": "export const api = { get: async () => 0 };" }, { handler: "a/index.api.get" });
        expect(await invoke()).to.equal(0);
        deploy({ "index.mjs": "export const handler = async () => 1;" });
        expect(await invoke()).to.equal(1);
        deploy({ "lib/index.js": "exports.handler = async () => 2;" }, { handler: "lib/index.handler" });
        expect(await invoke()).to.equal(2);
    });

    it("keeps a process warm, and takes another one for an invocation at the same time", async () => {
        deploy(`let count = 0; ${untilBegun} exports.handler = async (invocations) => {
            await untilBegun(invocations);
            return { pid: process.pid, count: ++count };
        };`);
        const first = (await invoke(1)) as { pid: number };
        expect(await invoke(2)).to.deep.equal({ pid: first.pid, count: 2 });
        const both = (await Promise.all([invoke(4), invoke(4)])) as { pid: number; count: number }[];
        expect(both.map(({ count }) => count).sort()).to.deep.equal([1, 3]);
        expect(new Set(both.map(({ pid }) => pid)).size).to.equal(2);
    });

    it("lets no more invocations run at a time than it was told", async () => {
        await runner.stop();
        start({ concurrency: 2 });
        deploy(`${untilBegun} exports.handler = async () => {
            const began = Date.now();
            await untilBegun(2);
            await new Promise((resolve) => setTimeout(resolve, 100)); // for a third one, if it could
            return [began, Date.now()];
        };`);
        const spans = (await Promise.all(Array.from({ length: 6 }, () => invoke()))) as [number, number][];
        const most = Math.max(...spans.map(([at]) => spans.filter(([from, to]) => from <= at && at < to).length));
        expect(most).to.equal(2);
    });

    it("answers null for a handler that returns nothing", async () => {
        deploy("exports.handler = async () => {};");
        expect(await invoke()).to.equal(null);
    });

    it("reports a thrown error with its type, message and trace, and goes on in the same process", async () => {
        deploy(`let count = 0;
            class NoSuchTask extends Error { constructor(m) { super(m); this.name = "NoSuchTask"; } }
            exports.handler = async (fail) => { count++; if (fail) throw new NoSuchTask("gone"); return count; };`);
        const { payload } = await runner.invoke(arn, { payload: "true" });
        const { trace, ...rest } = JSON.parse(payload) as { trace: string[] };
        expect(rest).to.deep.equal({ errorType: "NoSuchTask", errorMessage: "gone" });
        expect(trace[0]).to.equal("NoSuchTask: gone");
        expect(trace[1]).to.match(/^ {4}at .*exports\.handler.*index\.js:3/);
        expect(await invoke(false)).to.equal(2);
    });

    it("reports what is thrown but is no error", async () => {
        deploy(`exports.handler = async () => { throw "just text"; };`);
        expect(await failure()).to.deep.equal({ errorType: "string", errorMessage: "just text" });
    });

    for (const [what, code, expected] of [
        [
            "an unhandled rejection",
            `exports.handler = async () => { Promise.reject(new TypeError("lost")); await new Promise(() => {}); };`,
            { errorType: "Runtime.UnhandledPromiseRejection", errorMessage: "TypeError: lost" },
        ],
        [
            "an uncaught exception",
            `exports.handler = () => new Promise(() => setTimeout(() => { throw new RangeError("late"); }));`,
            { errorType: "RangeError", errorMessage: "late" },
        ],
        [
            "process.exit",
            `exports.handler = async () => process.exit(3);`,
            {
                errorType: "Runtime.ExitError",
                errorMessage: "RequestId: request-1 Error: Runtime exited with error: exit status 3",
            },
        ],
        [
            "a kill",
            `exports.handler = async () => { process.kill(process.pid, "SIGKILL"); await new Promise(() => {}); };`,
            {
                errorType: "Runtime.ExitError",
                errorMessage: "RequestId: request-1 Error: Runtime exited with error: signal: killed",
            },
        ],
    ] as const) {
        it(`survives ${what}: the next invocation has a new process`, async () => {
            deploy(`if (require("node:fs").existsSync("seen")) { exports.handler = async () => "fresh"; } else {
                require("node:fs").writeFileSync("seen", ""); ${code} }`);
            expect(await failure()).to.deep.equal(expected);
            expect(await invoke()).to.equal("fresh");
        });
    }

    for (const [what, files, expected] of [
        [
            "a module that is not in the archive",
            { "index.js": `require("left-out");` },
            {
                errorType: "Runtime.ImportModuleError",
                errorMessage: /^Error: Cannot find module 'left-out'\nRequire stack:/,
            },
        ],
        [
            "a syntax error",
            { "index.js": `exports.handler = (` },
            { errorType: "Runtime.UserCodeSyntaxError", errorMessage: /^SyntaxError: / },
        ],
        [
            "a missing file",
            { "other.js": "" },
            { errorType: "Runtime.ImportModuleError", errorMessage: /^Error: Cannot find module 'index'$/ },
        ],
        [
            "a missing export",
            { "index.js": "exports.other = 1;" },
            { errorType: "Runtime.HandlerNotFound", errorMessage: /^index\.handler is undefined or not exported$/ },
        ],
        [
            "a handler with a callback, as Node.js 24 on Lambda does",
            { "index.js": "exports.handler = (event, context, callback) => callback(null, 1);" },
            {
                errorType: "Runtime.CallbackHandlerDeprecated",
                errorMessage: /^ERROR: AWS Lambda has removed support for callback-based function handlers/,
            },
        ],
        [
            "an error while it loads",
            { "index.js": `throw new Error("no settings");` },
            { errorType: "Error", errorMessage: /^no settings$/ },
        ],
    ] as const) {
        it(`refuses ${what}, each time`, async () => {
            deploy(files);
            for (const { errorType, errorMessage } of [await failure(), await failure()]) {
                expect(errorType).to.equal(expected.errorType);
                expect(errorMessage).to.match(expected.errorMessage);
            }
        });
    }

    it("ends a function that takes too long, even one that never yields", async () => {
        deploy(`exports.handler = async (busy) => { while (busy); await new Promise(() => {}); };`, { timeout: 1 });
        const expected = {
            errorType: "Sandbox.Timedout",
            errorMessage: "RequestId: request-1 Error: Task timed out after 1.00 seconds",
        };
        expect(await failure(true)).to.deep.equal(expected);
        expect(await failure(false)).to.deep.equal(expected);
    });

    it("writes the log in Lambda's form, in order, and gives it back", async () => {
        deploy(`console.log("loading");
            exports.handler = async (event) => {
                console.log("hello %s", event.name, { a: 1 }, "two\\nlines");
                console.error("oh");
                process.stdout.write("raw\\n");
                console.warn("last");
            };`);
        const { log } = await runner.invoke(arn, { payload: '{"name":"you"}', requestId: "request-1" });
        expect(shape(log)).to.deep.equal([
            "START RequestId: request-1 Version: $LATEST",
            "TIME\tundefined\tINFO\tloading",
            "TIME\trequest-1\tINFO\thello you { a: 1 } two\rlines",
            "TIME\trequest-1\tERROR\toh",
            "raw",
            "TIME\trequest-1\tWARN\tlast",
            "END RequestId: request-1",
            "REPORT RequestId: request-1\tDuration: N ms\tBilled Duration: N ms\tMemory Size: N MB\tMax Memory Used: N MB\tInit Duration: N ms",
        ]);
        expect(readFileSync(join(directory, "logs", "functions", "probe.log"), "utf8")).to.equal(log);
    });

    it("takes new code at once, and lets what runs end as it began", async () => {
        const code = (version: number) =>
            `exports.handler = async (ms) => { await new Promise((resolve) => setTimeout(resolve, ms)); return ${version}; };`;
        deploy(code(1));
        const running = invoke(300);
        await invoke(0);
        deploy(code(2));
        expect(await invoke(0)).to.equal(2);
        expect(await running).to.equal(1);
        runner.remove(arn);
        const refusal = await invoke().catch((error: Error) => error.message);
        expect(refusal).to.equal(`No function ${arn} is deployed here. Those that are: none.`);
    });

    it("removes its folder, and those of processes that could not remove theirs", async () => {
        const foldersOf = (pid: number) =>
            readdirSync(tmpdir()).filter((name) => name.startsWith(`taskgate-lambda-${pid}-`));
        const running = foldersOf(process.pid);
        await runner.stop();
        expect(foldersOf(process.pid)).to.have.length(running.length - 1);
        const gone = spawnSync(process.execPath, ["--version"]).pid;
        mkdirSync(join(tmpdir(), `taskgate-lambda-${gone}-x`, "code"), { recursive: true });
        start();
        expect(foldersOf(gone)).to.deep.equal([]);
        expect(foldersOf(process.pid)).to.have.length(running.length);
    });

    it("leaves no process behind, also when something still runs", async () => {
        const pidFile = join(directory, "pids");
        deploy(
            `const { spawn } = require("node:child_process");
            const { renameSync, writeFileSync } = require("node:fs");
            exports.handler = async (file) => {
                writeFileSync(file + ".part", process.pid + " " + spawn("sleep", ["1000"]).pid);
                renameSync(file + ".part", file);
                await new Promise(() => {});
            };`,
            { timeout: 900 },
        );
        const running = runner.invoke(arn, { payload: JSON.stringify(pidFile) });
        while (!existsSync(pidFile)) {
            await new Promise((resolve) => setImmediate(resolve));
        }
        const pids = readFileSync(pidFile, "utf8").split(" ").map(Number);
        expect(pids.map(isRunning)).to.deep.equal([true, true]);
        await runner.stop();
        expect((await running).isError).to.equal(true);
        expect(pids.map(isRunning)).to.deep.equal([false, false]);
    });
});

function isRunning(pid: number): boolean {
    try {
        const state = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "")[0];
        return state !== "Z"; // ended, and only not yet collected by its parent
    } catch {
        return false;
    }
}
