// The whole life of examples/two-regions: `npm start -- --scenario two-regions`.
import { setTimeout as delay } from "node:timers/promises";

import { ECSClient, UpdateServiceCommand } from "@aws-sdk/client-ecs";
import { DescribeTargetHealthCommand, ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";
import { ListrTask } from "listr2";

import { eventually } from "../../internet/caller";
import { Failure, Load, startLoad } from "../../internet/load";
import { resolve, visit } from "../../internet/visitor";
import { clientConfig } from "../../machine/awsClients";
import type { SystemFile } from "../../machine/systemFile";
import { OperationOptions, runOperation } from "../../pulumi/operation";
import { readState } from "../../pulumi/state";
import type { Config } from "../../pulumi/workspace";
import { goThrough, operations, Running, runningSystem, Stack, StackReport } from "../steps";
import { exampleOptions } from "./example";

/** The region that goes dark, in which the desk runs, and the other one. */
const [first, second] = ["eu-west-1", "us-east-1"];

/** Visitors near regions that have nothing here, and the region that they are to get. */
const visitors = { "eu-central-1": first, "us-west-2": second } as const;
type Place = keyof typeof visitors;
const places = Object.keys(visitors) as Place[];

/** For how long visitors' resolvers keep an answer, and visitors wait for one; a load balancer's names may be kept for 60 s. */
const [cacheSeconds, patienceSeconds] = [5, 10];

/** What visitors near a place saw of a time. */
export interface Seen {
    readonly requests: number;
    readonly failed: number;
    /** Seconds from the beginning of that time to the end of the last request that failed. */
    readonly untilSeconds: number;
}

/** What `--report` writes. */
export interface TwoRegionsReport extends StackReport {
    /** Which region answers visitors near a place. */
    nearest?: Record<string, string>;
    /** Names in the certificates, by region. */
    certificates?: Record<string, string | undefined>;
    /** The first region is dark: what visitors of the shop saw, and which region answers them then. */
    dark?: { seen: Record<string, Seen>; answers: Record<string, string> };
    /** The desk meanwhile: who answers before the standby is up, and then, and how long it took to bring it up. */
    standby?: { before: string | undefined; after: string; seconds: number };
    /** The first region is back: what visitors of the shop saw from then on, and which region answers them. */
    back?: { seen: Record<string, Seen>; answers: Record<string, string>; desk: string };
    /** A region is taken out of service under load, and given back. */
    evacuated?: { seen: Record<string, Seen>; answers: Record<string, string>; afterwards: Record<string, string> };
}

type Life = Running;

export async function twoRegionsLife(report: TwoRegionsReport, name: string): Promise<void> {
    const life: Life = {};
    const stack: Stack<Life> = {
        projectName: "two-regions",
        options: (system) => optionsOf(system),
        onUp: () => undefined,
    };
    const steps: ListrTask<Life>[] = [
        ...operations(report, stack),
        nearestAnswers(report),
        goesDark(report),
        comesBack(report),
        takenOut(report),
    ];
    await goThrough({ name, life, report, stack }, steps);
}

function domainOf({ domain }: SystemFile): string {
    return `two-regions.${domain}`;
}

function optionsOf(system: SystemFile, more: Config = {}): OperationOptions {
    return exampleOptions("two-regions", system, { domain: domainOf(system), ...more });
}

/** The region that answers at a host for visitors near a place; undefined while none does. */
async function answering(system: SystemFile, host: "shop" | "desk", near: string): Promise<string | undefined> {
    const hostname = `${host}.${domainOf(system)}`;
    const [address] = await resolve(system, hostname, near);
    const page = await Promise.race([
        visit(system, hostname, "/", { address }).catch(() => undefined),
        delay(patienceSeconds * 1_000, undefined),
    ]);
    return page?.status === 200 ? /^Name: (.+)$/m.exec(page.body)?.[1] : undefined;
}

/** The region for visitors of each place, once it is the one that they are to get. */
async function untilAnswering(
    system: SystemFile,
    wanted: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
    const found = places.map(async (place) => [
        place,
        await eventually(`the shop answering from ${wanted[place]} near ${place}`, async () => {
            const region = await answering(system, "shop", place);
            return region === wanted[place] ? region : undefined;
        }),
    ]);
    return Object.fromEntries(await Promise.all(found)) as Record<string, string>;
}

function nearestAnswers(report: TwoRegionsReport): ListrTask<Life> {
    return {
        title: "visitors get the nearest region, whose certificate is its own",
        task: async (life, step) => {
            const { file } = runningSystem(life);
            report.nearest = await untilAnswering(file, visitors);
            const hostname = `shop.${domainOf(file)}`;
            const pages = places.map(async (place) => {
                const [address] = await resolve(file, hostname, place);
                const { certificate, authorized } = await visit(file, hostname, "/", { address });
                return [visitors[place], authorized ? certificate.serialNumber : undefined] as const;
            });
            const serials = await Promise.all(pages);
            if (new Set(serials.map(([, serial]) => serial)).size < serials.length) {
                throw new Error(`Two regions have one certificate: ${JSON.stringify(serials)}`);
            }
            report.certificates = Object.fromEntries(serials);
            step.title = `${step.title}: ${Object.entries(report.nearest)
                .map((each) => each.join(" from "))
                .join(", ")}`;
        },
    };
}

/** Visitors of the shop near each place, from now on. */
function startVisitors(system: SystemFile): ReadonlyMap<Place, Load> {
    const options = { path: "/", webSockets: 0, requestsPerSecond: 10, patienceSeconds, cacheSeconds };
    return new Map(places.map((near) => [near, startLoad(system, `shop.${domainOf(system)}`, { ...options, near })]));
}

/** Of a load that has run since then. */
function seenOf(requests: number, failures: readonly Failure[], since: number): Seen {
    const last = failures.reduce((latest, { to }) => Math.max(latest, to), since);
    return { requests, failed: failures.length, untilSeconds: Math.round((last - since) / 100) / 10 };
}

async function stopVisitors(loads: ReadonlyMap<Place, Load>, since: number): Promise<Record<string, Seen>> {
    const seen = [...loads].map(async ([place, load]) => {
        const { requests } = await load.stop();
        return [place, seenOf(requests, load.failures, since)] as const;
    });
    return Object.fromEntries(await Promise.all(seen));
}

/** Until no request has failed for longer than visitors' resolvers and they themselves may hang on to what was. */
async function untilCalm(loads: ReadonlyMap<Place, Load>): Promise<void> {
    const calmMs = (cacheSeconds + patienceSeconds + 1) * 1_000;
    const since = Date.now();
    await eventually("requests that no longer fail", () => {
        const last = [...loads.values()].flatMap(({ failures }) => failures.map(({ to }) => to));
        return Promise.resolve(Date.now() - Math.max(since, ...last) > calmMs || undefined);
    });
}

function summaryOf(seen: Record<string, Seen>): string {
    return Object.entries(seen)
        .map(([place, { requests, failed, untilSeconds }]) =>
            failed === 0
                ? `near ${place} 0 of ${requests} requests failed`
                : `near ${place} ${failed} of ${requests} requests failed, the last after ${untilSeconds} s`,
        )
        .join("; ");
}

const all = (region: string): Record<string, string> => Object.fromEntries(places.map((place) => [place, region]));

function goesDark(report: TwoRegionsReport): ListrTask<Life> {
    return {
        title: `${first} goes dark under load`,
        task: async (life, step) => {
            const system = runningSystem(life);
            const { file } = system;
            const loads = startVisitors(file);
            const since = Date.now();
            if (system.setReachable(first, false) === 0) {
                throw new Error(`${first} has no load balancer.`);
            }
            const answers = await untilAnswering(file, all(second));
            await untilCalm(loads);
            report.dark = { seen: await stopVisitors(loads, since), answers };
            step.title = `${step.title}: ${summaryOf(report.dark.seen)}`;
            const before = await answering(file, "desk", second);
            const began = Date.now();
            await scaleStandby(file, 1);
            const after = await eventually("the desk answering", () => answering(file, "desk", second));
            report.standby = { before, after, seconds: Math.round((Date.now() - began) / 1_000) };
        },
    };
}

/** As a person does in an outage: by the second region's ECS alone. */
async function scaleStandby(system: SystemFile, desiredCount: number): Promise<void> {
    const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region: second });
    const { resources } = readState(system, "local", "two-regions");
    const outputsOf = (name: string) => resources.find(({ urn }) => urn.endsWith(`::${name}`))!.outputs!;
    const { cluster, name: service } = outputsOf(`desk-${second}-service`) as Record<string, string>;
    await new ECSClient(config).send(new UpdateServiceCommand({ cluster, service, desiredCount }));
    const TargetGroupArn = String(outputsOf(`desk-${second}-tg`).arn);
    const elb = new ElasticLoadBalancingV2Client(config);
    await eventually(`${desiredCount} targets of the standby`, async () => {
        const { TargetHealthDescriptions = [] } = await elb.send(new DescribeTargetHealthCommand({ TargetGroupArn }));
        const healthy = TargetHealthDescriptions.filter(({ TargetHealth }) => TargetHealth?.State === "healthy");
        return healthy.length === desiredCount && TargetHealthDescriptions.length === desiredCount ? true : undefined;
    });
}

function comesBack(report: TwoRegionsReport): ListrTask<Life> {
    return {
        title: `${first} comes back under load`,
        task: async (life, step) => {
            const system = runningSystem(life);
            const { file } = system;
            const loads = startVisitors(file);
            const since = Date.now();
            system.setReachable(first, true);
            const answers = await untilAnswering(file, visitors);
            await untilCalm(loads);
            const desk = await eventually("the desk answering from its primary", async () => {
                const region = await answering(file, "desk", second);
                return region === first ? region : undefined;
            });
            report.back = { seen: await stopVisitors(loads, since), answers, desk };
            step.title = `${step.title}: ${summaryOf(report.back.seen)}`;
            await scaleStandby(file, 0);
        },
    };
}

function takenOut(report: TwoRegionsReport): ListrTask<Life> {
    return {
        title: `${first} is taken out of service under load, and given back`,
        task: async (life, step) => {
            const { file } = runningSystem(life);
            const loads = startVisitors(file);
            const since = Date.now();
            await runOperation(file, "up", optionsOf(file, { outOfService: [first] }));
            const answers = await untilAnswering(file, all(second));
            await untilCalm(loads);
            await runOperation(file, "up", optionsOf(file));
            const afterwards = await untilAnswering(file, visitors);
            await untilCalm(loads);
            report.evacuated = { seen: await stopVisitors(loads, since), answers, afterwards };
            step.title = `${step.title}: ${summaryOf(report.evacuated.seen)}`;
        },
    };
}
