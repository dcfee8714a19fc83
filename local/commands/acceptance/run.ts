import type { Eventually } from "../../internet/caller";
import { patient } from "../../internet/caller";
import { clean } from "./clean";
import type { Row } from "./facts";
import type { Life } from "./projects";
import type { Target } from "./target";

export interface AcceptanceReport {
    readonly target: "local" | "aws";
    readonly account: string;
    readonly region: string;
    readonly started: string;
    readonly lives: readonly LifeReport[];
}

export interface LifeReport {
    /** As `--shape` calls it. */
    readonly shape: string;
    readonly seconds: number;
    /** Why it ended early. */
    readonly failure?: string;
    readonly facts: readonly Row[];
    /** What could not be removed. */
    readonly left: readonly string[];
}

export interface Limits {
    /** For each life: after that it is cut off, and cleaned up. */
    readonly minutes: number;
    /** Cuts off what runs, and leaves out what comes after it. */
    readonly interrupted: AbortSignal;
}

/** Goes through the lives at the target, one after another, and always cleans up. */
export async function accept(
    target: Target,
    lives: readonly Life[],
    stack: string,
    limits: Limits,
    say: (text: string) => void,
): Promise<AcceptanceReport> {
    const started = new Date();
    const reports: LifeReport[] = [];
    try {
        for (const life of lives) {
            reports.push(await one(target, life, stack, limits, (text) => say(`${life.name}: ${text}`)));
        }
    } finally {
        await target.close();
    }
    return {
        target: target.kind,
        account: target.account,
        region: target.regions.join(", "),
        started: started.toISOString(),
        lives: reports,
    };
}

async function one(
    target: Target,
    life: Life,
    stack: string,
    { minutes, interrupted }: Limits,
    say: (text: string) => void,
): Promise<LifeReport> {
    const started = Date.now();
    const project = life.project(stack, target.settings);
    const over = AbortSignal.timeout(Math.ceil(minutes * 60_000));
    const signal = AbortSignal.any([over, interrupted]);
    const check = () => {
        if (over.aborted) {
            throw new Error(`The time is over: ${minutes} minutes.`);
        }
        if (interrupted.aborted) {
            throw new Error("It was interrupted.");
        }
    };
    const wait = patient(minutes * 60, target.pollMs);
    const eventually: Eventually = (what, ask) =>
        wait(what, () => {
            check();
            return ask();
        });
    const looks = life.looks();
    let failure: string | undefined;
    let left: readonly string[] = [];
    try {
        check();
        say("Removing what an earlier run may have left");
        await clean(target, project, say);
        await looks.go({ target, project, signal, eventually, say });
    } catch (error) {
        try {
            check(); // what it was cut off in says less
            failure = (error as Error).message;
        } catch (reason) {
            failure = (reason as Error).message;
        }
    } finally {
        say("Removing everything");
        left = await clean(target, project, say).catch((error: Error) => [error.message]);
    }
    return {
        shape: life.name,
        seconds: Math.round((Date.now() - started) / 1_000),
        ...(failure !== undefined && { failure }),
        facts: looks.rows(),
        left,
    };
}

/** A report for people. */
export function toMarkdown(report: AcceptanceReport): string {
    const cell = (text: string) => text.replaceAll("|", "\\|").replace(/\s*\n\s*/g, " ");
    return [
        "# Acceptance",
        "",
        `Against ${report.target === "aws" ? "AWS" : "the local system"}, account ${report.account}, ${report.region}, ${report.started}.`,
        "",
        ...report.lives.flatMap(({ shape, seconds, failure, facts, left }) => [
            `## ${shape}, ${seconds} s`,
            "",
            ...(failure === undefined ? [] : [`**It ended early:** ${failure}`, ""]),
            "| fact | verdict | evidence | if it is otherwise |",
            "| --- | --- | --- | --- |",
            ...facts.map(({ fact, verdict, evidence, otherwise }) =>
                ["", fact, verdict, evidence, otherwise, ""].map(cell).join(" | ").trim(),
            ),
            "",
            left.length === 0 ? "Nothing is left." : `**Left:** ${left.join(", ")}`,
            "",
        ]),
    ].join("\n");
}
