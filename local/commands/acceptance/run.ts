import { setTimeout as delay } from "node:timers/promises";

import { deliveredCertificate } from "../../internet/caller";
import { facts, watchTask } from "./facts";
import type { Finding, Seen } from "./facts";
import type { Target } from "./target";

export interface AcceptanceReport {
    readonly target: "local" | "aws";
    readonly account: string;
    readonly region: string;
    readonly started: string;
    readonly seconds: number;
    /** Why it ended early. */
    readonly failure?: string;
    readonly facts: readonly ({ readonly fact: string; readonly otherwise: string } & Finding)[];
    /** What could not be removed. */
    readonly left: readonly string[];
}

/** Goes through the life of the stack at the target, and always cleans up. */
export async function accept(target: Target, minutes: number, say: (text: string) => void): Promise<AcceptanceReport> {
    const started = Date.now();
    const seen: Seen = {};
    const deadline = () => {
        if (Date.now() - started > minutes * 60_000) {
            throw new Error(`The time is over: ${minutes} minutes.`);
        }
    };
    let failure: string | undefined;
    let left: readonly string[] = [];
    try {
        say("Removing what an earlier run may have left");
        await target.clean();
        await look(target, seen, deadline, say);
    } catch (error) {
        failure = (error as Error).message;
    } finally {
        say("Removing everything");
        left = await target.clean().catch((error: Error) => [error.message]);
        await target.close();
    }
    return {
        target: target.kind,
        account: target.account,
        region: target.region,
        started: new Date(started).toISOString(),
        seconds: Math.round((Date.now() - started) / 1_000),
        ...(failure !== undefined && { failure }),
        facts: facts.map(({ fact, otherwise, finding }) => ({ fact, otherwise, ...finding(seen) })),
        left,
    };
}

async function look(target: Target, seen: Seen, deadline: () => void, say: (text: string) => void): Promise<void> {
    say("pulumi up");
    const up = await target.up();
    const isUp = Date.now();
    say("Waiting for the first certificate");
    while ((await deliveredCertificate(up.caller)) === undefined) {
        deadline();
        await delay(target.pollMs);
    }
    seen.certificateSeconds = Math.round((Date.now() - isUp) / 1_000);
    say("A task starts, answers and stops");
    seen.task = await watchTask(target, up, deadline);
    say("pulumi up again");
    seen.secondUp = (await target.up()).changes;
    deadline();
    say("pulumi refresh, and up");
    await target.refresh();
    seen.upAfterRefresh = (await target.up()).changes;
}

/** A report for people. */
export function toMarkdown(report: AcceptanceReport): string {
    const cell = (text: string) => text.replaceAll("|", "\\|");
    return [
        "# Acceptance",
        "",
        `Against ${report.target === "aws" ? "AWS" : "the local system"}, account ${report.account}, ${report.region}, ` +
            `${report.started}, ${report.seconds} s.`,
        "",
        ...(report.failure === undefined ? [] : [`**It ended early:** ${report.failure}`, ""]),
        "| fact | verdict | evidence | if it is otherwise |",
        "| --- | --- | --- | --- |",
        ...report.facts.map(({ fact, verdict, evidence, otherwise }) =>
            ["", fact, verdict, evidence, otherwise, ""].map(cell).join(" | ").trim(),
        ),
        "",
        report.left.length === 0 ? "Nothing is left." : `**Left:** ${report.left.join(", ")}`,
        "",
    ].join("\n");
}
