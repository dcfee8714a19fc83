import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";
import type { Command } from "commander";

import { severities } from "../../handlers/patching/baseline";
import type { ContainerReport, PatchReport, ReasonReport, TaskReport } from "../../handlers/patching/report";
import { readPatches } from "../internet/patches";
import { clientConfig } from "../machine/awsClients";
import { ours } from "../machine/projectRoot";
import { lastDeployed } from "../pulumi/program";
import { readState } from "../pulumi/state";
import { chosenSystem, deployedFunction, type DeployedOptions, type Place, readsDeployed, tellOfEach } from "./chosen";
import { cut, layOut } from "./taskTable";
import { age } from "./values";

export function define(command: Command): void {
    readsDeployed(command, "looks (functionName of the Patching)").action((options: DeployedOptions) =>
        tellOfEach(
            placesOf(command, options),
            options.json,
            (place, report) => patchesText(place, report, process.stdout.columns),
            ({ tasks }) => !tasks.some(isAmiss),
        ),
    );
}

function placesOf(command: Command, options: DeployedOptions): Place<PatchReport>[] {
    const deployed = deployedFunction(options, "Patching");
    if (deployed !== undefined) {
        const { region, functionName } = deployed;
        // Not even loaded without --aws.
        return [[region, async () => (await import("./patchesOnAws")).patchesOnAws(region, functionName)]];
    }
    const system = chosenSystem(command);
    const { stack, projectName } = lastDeployed(system);
    const places = readState(system, stack, projectName).resources.flatMap(
        ({ type, urn, inputs, outputs }): Place<PatchReport>[] => {
            const { clusterArn, functionName } = { ...inputs, ...outputs };
            if (type !== "taskgate:index:Patching" || typeof functionName !== "string") {
                return [];
            }
            const region = String(clusterArn).split(":")[3];
            const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region });
            const clients = { lambda: new LambdaClient(config), s3: new S3Client(config) };
            return [[urn.split("::").at(-1)!, () => readPatches(clients, functionName)]];
        },
    );
    if (places.length === 0) {
        throw new Error(
            `There is no Patching in the stack ${stack} of ${projectName}. Add one to its program (docs/operations.md), and deploy it with "${ours} up".`,
        );
    }
    return places;
}

function isAmiss({ status }: TaskReport): boolean {
    return status === "NON_COMPLIANT";
}

/** As one reads it: when windows open, what each task runs, and what is held against which. */
export function patchesText(place: string, report: PatchReport, columns = Infinity, now = new Date()): string[] {
    const { at, window, tasks, redeployments, retirements } = report;
    const amiss = tasks.filter(isAmiss).length;
    const overdue = tasks.filter(({ isOverdue }) => isOverdue).length;
    const verdicts = [
        tasks.length === 1 ? "1 task" : `${tasks.length} tasks`,
        amiss === 0 ? "all compliant" : `${amiss} not compliant`,
        ...(overdue > 0 ? [`${overdue} overdue`] : []),
    ];
    const summary = tasks.length === 0 ? "no task runs" : verdicts.join(", ");
    const { opensAt, startsUntil, closesAt } = window;
    const lines = [
        `${place}: ${summary}; looked ${age(new Date(at), now)} ago`,
        opensAt === undefined
            ? "  no window opens any more"
            : `  window ${window.isOpen ? "open since" : "opens"} ${minute(opensAt)}, begins until ${minute(startsUntil)}, closes ${minute(closesAt)}`,
        ...(window.failed.length > 0 ? [`  failed in the last one: ${window.failed.join(", ")}`] : []),
        ...Object.entries(redeployments).map(([service, since]) => `  ${service} is redeployed since ${minute(since)}`),
        ...retirements.map(({ id, at: by }) => `  Fargate retires from ${minute(by)} on: ${id}`),
        ...(tasks.length === 0 ? [] : table(tasks).map((line) => `  ${line}`)),
        ...against(tasks, at).map((line) => `  ${line}`),
    ];
    return lines.map((line) => cut(line, columns));
}

/** A row for each container of which an image is known, the first of a task with what is the task's. */
function table(tasks: readonly TaskReport[]): string[] {
    const ofTask = ["TASK", "SERVICE", "AGE", "PLATFORM", "NEXT", "STATUS"];
    const ofContainer = ["CONTAINER", "IMAGE", "NEWER", "PUSHED", "FINDINGS"];
    const rows = tasks.flatMap((task) => {
        const { taskArn, service = "", ageDays, platformVersion = "", next } = task;
        const status = task.isOverdue ? "overdue" : isAmiss(task) ? "not compliant" : "compliant";
        const own = [shortId(taskArn), service, `${ageDays} d`, platformVersion, minute(next), status];
        const known = task.containers.filter(({ digest }) => digest !== undefined);
        return (known.length === 0 ? [undefined] : known).map((container, index) => [
            ...(index === 0 ? own : own.map(() => "")),
            ...containerCells(container),
        ]);
    });
    return layOut([...ofTask, ...ofContainer], rows);
}

function containerCells(container?: ContainerReport): string[] {
    if (container === undefined) {
        return ["", "", "", "", ""];
    }
    const { name, digest, newerDigest, imageAgeDays, findings } = container;
    const pushed = imageAgeDays === undefined ? "" : `${imageAgeDays} d`;
    return [name, shortDigest(digest), shortDigest(newerDigest), pushed, findingsText(findings)];
}

/** The worst first; nothing where no scan is known. */
function findingsText(findings: ContainerReport["findings"]): string {
    if (findings === undefined) {
        return "";
    }
    const order = [...severities, ...Object.keys(findings)];
    const found = Object.entries(findings)
        .filter(([, number]) => number > 0)
        .sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
    return found.length === 0 ? "none" : found.map(([severity, number]) => `${number} ${severity}`).join(", ");
}

/** Each reason once, with the tasks that it is held against. */
function against(tasks: readonly TaskReport[], at: string): string[] {
    const held: Record<string, string[]> = {};
    for (const { taskArn, reasons } of tasks) {
        // A task's age counts from its day on; of a retirement one wants to know before.
        for (const reason of reasons.filter(
            ({ by, reason }) => by === undefined || by <= at || reason === "Retirement",
        )) {
            (held[reasonText(reason)] ??= []).push(shortId(taskArn));
        }
    }
    return Object.entries(held).map(([text, ids]) => `${ids.join(" ")}: ${text}`);
}

function reasonText({ reason, container, detail, by, blocked }: ReasonReport): string {
    const of = container === undefined ? "" : ` of ${container}`;
    return `${reason}${of}, ${detail}${by === undefined ? "" : `, by ${minute(by)}`}${blocked === undefined ? "" : `; ${blocked}`}`;
}

function shortId(taskArn: string): string {
    return taskArn.slice(taskArn.lastIndexOf("/") + 1).slice(0, 8);
}

function shortDigest(digest = ""): string {
    return digest.replace(/^sha256:/, "").slice(0, 12);
}

/** `2026-03-01 02:00 UTC`; nothing of no instant. */
function minute(instant: string | undefined): string {
    return instant === undefined ? "" : `${instant.slice(0, 16).replace("T", " ")} UTC`;
}
