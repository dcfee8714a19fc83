// What it costs to judge as AWS does: each request of a stack's life by its model, the documents' rules and IAM, each answer by its model.
import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";

import type { AwsRequest, AwsResponse } from "../local/aws/gateway/overlay";
import { judgeAnswer } from "../local/aws/models/answer";
import { readCall } from "../local/aws/models/request";
import { brokenRule } from "../local/aws/models/rule";
import { rules } from "../local/aws/rules";
import { deliveredCertificate, eventually, runTasks, stopTask, untilRunning } from "../local/internet/caller";
import { runOperation } from "../local/pulumi/operation";
import { localConfig, platformsOf } from "../local/pulumi/platforms";
import { projectRoot } from "../local/machine/projectRoot";
import { startSystem } from "../local/system";
import { printTable, spread } from "./table";

export async function judging(): Promise<void> {
    await byParts();
    await wholeLives();
}

async function byParts(): Promise<void> {
    const calls: (readonly [AwsRequest, AwsResponse])[] = [];
    const system = await startSystem({
        name: `bench-${process.pid}`,
        watch: {
            answered: (request, response) => void (request.service !== "" && calls.push([request, response])),
            refusal: () => undefined,
            taskChanged: () => true,
            healthChanged: () => undefined,
        },
    });
    const { file, permissions } = system;
    const config = localConfig(file);
    const { outputs } = await runOperation(file, "up", { config });
    await runOperation(file, "up", { config, refresh: true });
    const [caller] = platformsOf(file, outputs);
    await eventually("first certificate", () => deliveredCertificate(caller));
    const [taskArn] = await runTasks(caller);
    await untilRunning(caller, taskArn);
    await stopTask(caller, taskArn);

    const judged = calls.splice(0);
    const request = await cost(judged, ([of]) => {
        const { operation, parameters } = readCall(of);
        brokenRule(rules[of.service], operation.name, parameters);
    });
    const permission = await cost(judged, async ([of]) => permissions.check(of).catch(() => undefined));
    const answer = await cost(judged, ([of, { status, headers, body }]) => {
        if (status < 300) {
            judgeAnswer(of.service, of.operation ?? "", { headers, body });
        }
    });
    await runOperation(file, "destroy", { config });
    await system.stop();
    rmSync(file.directory, { recursive: true });

    const whole = cpuSeconds() - request - permission - answer;
    const row = (what: string, seconds: number) => [
        what,
        seconds.toFixed(2),
        `${((100 * seconds) / whole).toFixed(1)} %`,
    ];
    console.log(`${judged.length} requests in the life of the stack, CPU time on all processes.`);
    printTable(
        ["", "seconds", "of all"],
        [
            row("requests by model and rules", request),
            row("callers by IAM", permission),
            row("answers by model", answer),
            row("all of that", request + permission + answer),
            row("the whole life", whole),
        ],
    );
}

/**
 * `npm start -- --once` with judgement and without. In turns for CPU time, which is told for one alone. Side by side for wall
 * time: whatever else is on the machine, and how fast it is, meets both of a pair alike, and the judged one's cost is what it
 * is behind the other, as a share. Each then has less than the machine, so that CPU shows more than where it is free.
 */
async function wholeLives(): Promise<void> {
    await life(true); // files compiled, tools in the page cache
    await inPairs("cpu", 3, async () => [await life(true), await life(false)]);
    await inPairs("wall", 4, async (round) => {
        const [first, second] = await Promise.all([life(round % 2 === 0), life(round % 2 === 1)]); // nobody is always ahead
        return round % 2 === 0 ? [first, second] : [second, first];
    });
}

type Pair = readonly [judged: Life, unjudged: Life];

async function inPairs(of: keyof Life, rounds: number, runPair: (round: number) => Promise<Pair>): Promise<void> {
    const pairs: Pair[] = [];
    for (let round = 0; round < rounds; round++) {
        pairs.push(await runPair(round));
    }
    const seconds = (index: 0 | 1) =>
        spread(
            pairs.map((pair) => pair[index][of]),
            1,
        );
    const more = spread(
        pairs.map(([judged, unjudged]) => 100 * (judged[of] / unjudged[of] - 1)),
        1,
    );
    const how = { cpu: "one after the other: CPU seconds", wall: "side by side: wall seconds" }[of];
    console.log(`\nWarm \`npm start -- --once\`, ${rounds} pairs, ${how}.`);
    printTable(["judged", "not judged", "more, pair by pair, %"], [[seconds(0), seconds(1), more]]);
}

interface Life {
    /** Of all its processes. */
    readonly cpu: number;
    readonly wall: number;
}

async function life(isJudged: boolean): Promise<Life> {
    const [cpu, started] = [cpuSeconds(), performance.now()];
    const preloads = ["./tools/typescript.cjs", ...(isJudged ? [] : ["./bench/unjudged.cjs"])];
    const args = [...preloads.flatMap((file) => ["-r", file]), "local/cli.ts", "start", "--once"];
    const child = spawn(process.execPath, args, { cwd: projectRoot, stdio: ["ignore", "ignore", "inherit"] });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    if (code !== 0) {
        throw new Error(`node ${args.join(" ")} ended with ${String(code)}`);
    }
    return { cpu: cpuSeconds() - cpu, wall: (performance.now() - started) / 1_000 };
}

/** Seconds of this process's CPU. */
async function cost<T>(things: readonly T[], judge: (thing: T) => unknown): Promise<number> {
    const before = process.cpuUsage();
    for (const thing of things) {
        await judge(thing);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
}

/** Of this process and all that it has waited for. */
function cpuSeconds(): number {
    const ticks = readFileSync("/proc/self/stat", "utf8").split(") ")[1].split(" ").slice(11, 15);
    return ticks.reduce((sum, count) => sum + Number(count), 0) / 100;
}
