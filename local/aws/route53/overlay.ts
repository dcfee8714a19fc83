import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import { XMLBuilder, XMLParser } from "fast-xml-parser";

import { escapeName, normalizeName, withoutDot } from "../../internet/dns/records";
import type { ZoneContent } from "../../internet/dns/records";
import { AwsError, xmlResponse } from "../gateway/overlay";
import type { AwsRequest, AwsResponse, Forward, Overlay } from "../gateway/overlay";
import { applyBatch, batchCost } from "./changeBatch";
import type { Change } from "./changeBatch";
import { createHealthChecks } from "./healthChecks";
import type { HealthCheckOptions } from "./healthChecks";
import { createBudget } from "./limits";
import type { Route53Limits } from "./limits";

export interface Route53Options extends Route53Limits, HealthCheckOptions {
    /** Resolves when an accepted change is INSYNC and served (default: 200 ms later; on AWS up to 60 s). */
    readonly propagated?: () => Promise<unknown>;
    /** Resolves when a change is no longer in hand; another one of the same zone is refused until then (default: 20 ms later). */
    readonly processed?: () => Promise<unknown>;
    /** Whether what an alias leads to is healthy; undefined: nothing of AWS's that is known (default: nothing is). */
    readonly isTargetHealthy?: (dnsName: string) => boolean | undefined;
}

export interface Route53Overlay extends Overlay {
    /** What the DNS servers of the public zones know: all that is INSYNC. */
    publishedZones(): readonly ZoneContent[];
    /** By its health check, if it has one; and its target by `isTargetHealthy`, if it is to know. */
    isHealthy(set: ResourceRecordSet): boolean;
    /** Ends the health checks. */
    stop(): void;
}

interface Zone {
    readonly id: string;
    readonly accountId: string;
    readonly isPrivate: boolean;
    content: ZoneContent;
    published: ZoneContent;
    changing: boolean;
}

interface ChangeInfo {
    readonly id: string;
    readonly submittedAt: string;
    readonly comment?: string;
    status: "PENDING" | "INSYNC";
}

/** The emulator keeps the hosted zones; their record sets, limits and propagation are ours. */
export function route53Overlay(options: Route53Options = {}): Route53Overlay {
    const { isTargetHealthy = () => undefined } = options;
    const { propagated = () => delay(200, undefined, { ref: false }), processed = () => delay(20) } = options;
    const zones = new Map<string, Zone>();
    const changes = new Map<string, ChangeInfo>();
    const budgets = new Map<string, ReturnType<typeof createBudget>>();
    const healthChecks = createHealthChecks(options);

    function spend(accountId: string, changeCost: number): void {
        const budget = budgets.get(accountId) ?? createBudget(options);
        budgets.set(accountId, budget);
        if (!budget(changeCost)) {
            throw new AwsError("Throttling", "Rate exceeded");
        }
    }

    function zoneById(request: AwsRequest, id: string): Zone {
        const zone = zones.get(id);
        if (zone?.accountId !== request.accountId) {
            throw new AwsError("NoSuchHostedZone", `No hosted zone found with ID: ${id}`, 404);
        }
        return zone;
    }

    /** From now on PENDING, and served once it is INSYNC. */
    function propagate(id: string, zone: Zone, comment?: string): ChangeInfo {
        const { content } = zone;
        const change: ChangeInfo = { id, comment, submittedAt: new Date().toISOString(), status: "PENDING" };
        changes.set(id, change);
        void propagated().then(() => {
            zone.published = content;
            change.status = "INSYNC";
        });
        return change;
    }

    async function createHostedZone(request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const response = await forward(request);
        const { HostedZone, ChangeInfo } = (parseXml(response.body).CreateHostedZoneResponse ?? {}) as CreatedZoneXml;
        const id = HostedZone?.Id.replace("/hostedzone/", "");
        if (HostedZone && ChangeInfo && id && !zones.has(id)) {
            const records = await forward({
                ...request,
                method: "GET",
                path: `/2013-04-01/hostedzone/${id}/rrset`,
                query: "",
                body: Buffer.alloc(0),
            });
            const { ListResourceRecordSetsResponse } = parseXml(records.body) as {
                ListResourceRecordSetsResponse: ListXml;
            };
            const sets = ListResourceRecordSetsResponse.ResourceRecordSets.ResourceRecordSet.map(fromXml);
            const name = normalizeName(HostedZone.Name);
            const zone: Zone = {
                id,
                accountId: request.accountId,
                isPrivate: HostedZone.Config.PrivateZone === "true",
                content: { name, sets: new Map([[name, sets]]) },
                published: { name, sets: new Map() },
                changing: false,
            };
            zones.set(id, zone);
            propagate(ChangeInfo.Id.replace("/change/", ""), zone);
        }
        return corrected(response, zones);
    }

    async function deleteHostedZone(request: AwsRequest, forward: Forward, id: string): Promise<AwsResponse> {
        const { content } = zoneById(request, id);
        const own = content.sets.get(content.name) ?? [];
        if (content.sets.size > 1 || own.some(({ Type }) => Type !== "SOA" && Type !== "NS")) {
            throw new AwsError(
                "HostedZoneNotEmpty",
                "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
            );
        }
        const response = await forward(request);
        if (response.status < 300) {
            zones.delete(id);
        }
        return response;
    }

    async function changeRecordSets(zone: Zone, { changes: batch, comment }: ChangeBatch): Promise<AwsResponse> {
        if (zone.changing) {
            throw new AwsError(
                "PriorRequestNotComplete",
                "The request was rejected because Route 53 was still processing a prior request.",
            );
        }
        const unknown = batch
            .filter(({ action }) => action !== "DELETE")
            .map(({ set }) => set.HealthCheckId)
            .find((id) => id !== undefined && !healthChecks.exists(zone.accountId, id));
        if (unknown !== undefined) {
            throw new AwsError("NoSuchHealthCheck", `No health check exists with the specified ID ${unknown}.`, 404);
        }
        zone.changing = true;
        try {
            await processed();
            const outcome = applyBatch(zone.content, batch);
            if ("faults" in outcome) {
                throw new AwsError("InvalidChangeBatch", `[${outcome.faults.join(", ")}]`);
            }
            zone.content = outcome.content;
        } finally {
            zone.changing = false;
        }
        const change = propagate(`C${randomBytes(10).toString("hex").toUpperCase()}`, zone, comment);
        return changeResponse("ChangeResourceRecordSetsResponse", change);
    }

    function publishedZones(): readonly ZoneContent[] {
        return [...zones.values()]
            .filter(({ isPrivate, published }) => !isPrivate && published.sets.size > 0)
            .map(({ published }) => published);
    }

    /** An alias to other records is as healthy as the healthiest of them. */
    function isHealthy(set: ResourceRecordSet): boolean {
        const { HealthCheckId, AliasTarget: alias } = set;
        if (HealthCheckId !== undefined && !healthChecks.isHealthy(HealthCheckId)) {
            return false;
        }
        if (alias?.EvaluateTargetHealth !== true) {
            return true;
        }
        const name = normalizeName(alias.DNSName ?? "");
        const records = publishedZones().flatMap(({ sets }) => sets.get(name) ?? []);
        const same = records.filter((other) => other !== set && other.Type === set.Type);
        return isTargetHealthy(withoutDot(name)) ?? (same.length === 0 || same.some(isHealthy));
    }

    return {
        service: "route53",
        publishedZones,
        isHealthy,
        stop: () => healthChecks.stop(),
        async handle(request, forward) {
            const { method, path } = request;
            const [, kind, id, sub] = /^\/2013-04-01\/(\w+)(?:\/([^/]+))?(?:\/(\w+))?\/?$/.exec(path) ?? [];
            const call = [method, kind, id && "ID", sub].filter(Boolean).join(" ");
            const batch = call === "POST hostedzone ID rrset" ? parseBatch(request.body) : undefined;
            const changesZone = call === "POST hostedzone" || call === "DELETE hostedzone ID";
            spend(request.accountId, batch ? batchCost(batch.changes) : changesZone ? 2 : 0);
            const answer = await healthChecks.handle(request);
            if (answer !== undefined) {
                return response(answer.root, answer.content);
            }
            switch (call) {
                case "POST hostedzone":
                    return createHostedZone(request, forward);
                case "DELETE hostedzone ID":
                    return deleteHostedZone(request, forward, id);
                case "POST hostedzone ID rrset":
                    return changeRecordSets(zoneById(request, id), batch ?? { changes: [] });
                case "GET hostedzone ID rrset":
                    return listRecordSets(zoneById(request, id).content, new URLSearchParams(request.query));
                case "GET hostedzone":
                case "GET hostedzone ID":
                case "GET hostedzonesbyname":
                    return corrected(await forward(request), zones);
                case "GET change ID": {
                    const change = changes.get(id);
                    return change && changeResponse("GetChangeResponse", change);
                }
                default:
                    return undefined;
            }
        },
    };
}

interface SetXml extends Record<string, unknown> {
    readonly Name?: string;
    readonly Type?: string;
    readonly TTL?: string;
    readonly Weight?: string;
    readonly MultiValueAnswer?: string;
    readonly AliasTarget?: { readonly EvaluateTargetHealth?: string };
    readonly ResourceRecords?: { readonly ResourceRecord?: readonly { readonly Value: string }[] };
}

interface ListXml {
    readonly ResourceRecordSets: { readonly ResourceRecordSet: readonly SetXml[] };
}

interface CreatedZoneXml {
    readonly HostedZone?: {
        readonly Id: string;
        readonly Name: string;
        readonly Config: { readonly PrivateZone: string };
    };
    readonly ChangeInfo?: { readonly Id: string };
}

interface BatchXml {
    readonly Comment?: string;
    readonly Changes?: {
        readonly Change?: readonly { readonly Action: string; readonly ResourceRecordSet?: SetXml }[];
    };
}

interface ChangeBatch {
    readonly changes: readonly Change[];
    readonly comment?: string;
}

const parser = new XMLParser({
    parseTagValue: false,
    htmlEntities: true, // and characters by their numbers: Go writes a quotation mark as &#34;
    isArray: (name, path) =>
        ["Change", "ResourceRecord"].includes(name) || String(path).endsWith("ResourceRecordSets.ResourceRecordSet"),
});
const builder = new XMLBuilder();

function parseXml(body: Buffer): Record<string, unknown> {
    return parser.parse(body.toString()) as Record<string, unknown>;
}

function parseBatch(body: Buffer): ChangeBatch {
    const root = parseXml(body).ChangeResourceRecordSetsRequest as { readonly ChangeBatch?: BatchXml } | undefined;
    const batch = root?.ChangeBatch;
    if (!batch?.Changes?.Change) {
        throw new AwsError("InvalidInput", "Expected a ChangeResourceRecordSetsRequest with at least one Change.");
    }
    const changes = batch.Changes.Change.map(({ Action, ResourceRecordSet: set }): Change => {
        if (Action !== "CREATE" && Action !== "DELETE" && Action !== "UPSERT") {
            throw new AwsError("InvalidInput", `Unknown action "${Action}": expected CREATE, DELETE or UPSERT.`);
        }
        if (!set?.Name || !set.Type) {
            throw new AwsError("InvalidInput", `A ${Action} lacks the Name or Type of its ResourceRecordSet.`);
        }
        return { action: Action, set: fromXml(set) };
    });
    return { changes, comment: batch.Comment };
}

/** The SDK's form, with a name that can be compared. */
function fromXml({ Name, TTL, ResourceRecords, Weight, MultiValueAnswer, AliasTarget, ...rest }: SetXml) {
    return {
        ...rest,
        Name: normalizeName(Name ?? ""),
        ...(Weight !== undefined && { Weight: Number(Weight) }),
        ...(MultiValueAnswer !== undefined && { MultiValueAnswer: MultiValueAnswer === "true" }),
        ...(AliasTarget && {
            AliasTarget: { ...AliasTarget, EvaluateTargetHealth: AliasTarget.EvaluateTargetHealth === "true" },
        }),
        ...(TTL !== undefined && { TTL: Number(TTL) }),
        ...(ResourceRecords && { ResourceRecords: [...(ResourceRecords.ResourceRecord ?? [])] }),
    } as ResourceRecordSet;
}

function toXml({ Name, Type, SetIdentifier, TTL, ResourceRecords, ...rest }: ResourceRecordSet): object {
    return {
        Name: escapeName(Name ?? ""),
        Type,
        ...(SetIdentifier !== undefined && { SetIdentifier }),
        ...rest,
        ...(TTL !== undefined && { TTL }),
        ...(ResourceRecords && { ResourceRecords: { ResourceRecord: ResourceRecords } }),
    };
}

function response(root: string, content: object): AwsResponse {
    const inside = builder.build(content);
    return xmlResponse(`<${root} xmlns="https://route53.amazonaws.com/doc/2013-04-01/">${inside}</${root}>`);
}

function changeResponse(root: string, { id, status, submittedAt, comment }: ChangeInfo): AwsResponse {
    const info = {
        Id: `/change/${id}`,
        Status: status,
        SubmittedAt: submittedAt,
        ...(comment && { Comment: comment }),
    };
    return response(root, { ChangeInfo: info });
}

/**
 * A page, in the order of names read from the right: com, example, www; with what is still PENDING, however far DNS lags behind
 * (https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html).
 */
function listRecordSets(zone: ZoneContent, query: URLSearchParams): AwsResponse {
    const maxItems = Math.min(Number(query.get("maxitems") ?? 300), 300);
    const start = sortKey(
        normalizeName(query.get("name") ?? "."),
        query.get("type") ?? "",
        query.get("identifier") ?? "",
    );
    const [page, [next]] = splitAt(
        [...zone.sets.values()]
            .flat()
            .map((set) => ({ set, key: sortKey(set.Name ?? "", set.Type ?? "", set.SetIdentifier ?? "") }))
            .filter(({ key }) => key >= start)
            .sort((one, other) => (one.key < other.key ? -1 : 1))
            .map(({ set }) => set),
        maxItems,
    );
    return response("ListResourceRecordSetsResponse", {
        ResourceRecordSets: { ResourceRecordSet: page.map(toXml) },
        IsTruncated: next !== undefined,
        ...(next && { NextRecordName: escapeName(next.Name ?? ""), NextRecordType: next.Type }),
        ...(next?.SetIdentifier && { NextRecordIdentifier: next.SetIdentifier }),
        MaxItems: maxItems,
    });
}

function sortKey(name: string, type: string, identifier: string): string {
    const labels = name.split(".").filter(Boolean).reverse();
    return [...labels, "", type, identifier].join("\u0000");
}

function splitAt<T>(items: readonly T[], index: number): [T[], T[]] {
    return [items.slice(0, index), items.slice(index)];
}

/** The emulator counts only the record sets it made itself, and ends the names of name servers with a dot. */
function corrected(answer: AwsResponse, zones: ReadonlyMap<string, Zone>): AwsResponse {
    const text = answer.body
        .toString()
        .replaceAll(".</NameServer>", "</NameServer>")
        .replace(
            /(<Id>\/hostedzone\/([^<]+)<\/Id>.*?<ResourceRecordSetCount>)\d+/gs,
            (_, before: string, id: string) => before + [...(zones.get(id)?.content.sets.values() ?? [])].flat().length,
        );
    return { ...answer, body: Buffer.from(text) };
}
