import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import { XMLParser } from "fast-xml-parser";
import { applyBatch, batchCost, type Change } from "../../local/aws/route53/changeBatch";
import { normalizeName, type ZoneContent } from "../../local/internet/dns/records";
import { escapeXml, xml, xmlError, type FakeRequest, type FakeResponse, type FakeService } from "./fakeAws";

// One Route 53 hosted zone on its own, by the rules of the local system's, and with its limits in a test's hands.

export interface FakeRecord {
    readonly name: string;
    readonly type: string;
    readonly ttl: number;
    readonly values: readonly string[];
}

interface Bucket {
    readonly capacity: number;
    readonly refillPerSecond: number;
}

export interface FakeRoute53Options {
    readonly zoneId: string;
    readonly zoneName: string;
    /** Both of Route 53's buckets must hold enough; by default as large as AWS's. */
    readonly requests?: Bucket;
    readonly changes?: Bucket;
    /** How long a change is PENDING, and not yet in `published()`. */
    readonly propagationMilliseconds?: number;
    /** How long a change keeps others of the zone waiting, which get PriorRequestNotComplete. */
    readonly changeMilliseconds?: number;
}

export interface FakeRoute53 extends FakeService {
    /** The zone's records but its SOA and NS, in Route 53's order. */
    records(): FakeRecord[];
    /** The zone as the name servers show it by now. */
    published(): ZoneContent;
    /** Puts a record in from outside, bypassing every rule. */
    put(record: FakeRecord): void;
    /** Takes a record out from outside. */
    remove(record: FakeRecord): void;
    /** Fills both buckets, as time does. */
    refill(): void;
    /** Each accepted change batch, as "CREATE a.example.test. A". */
    readonly accepted: string[][];
    /** How often a request was refused, by error code. */
    readonly refused: Record<string, number>;
}

interface ChangeXml {
    readonly Action: Change["action"];
    readonly ResourceRecordSet: {
        readonly Name: string;
        readonly Type: ResourceRecordSet["Type"];
        readonly TTL: string;
        readonly ResourceRecords: { readonly ResourceRecord: { readonly Value: string }[] };
    };
}

const parser = new XMLParser({
    parseTagValue: false,
    isArray: (name) => name === "Change" || name === "ResourceRecord",
});

export function createFakeRoute53(options: FakeRoute53Options): FakeRoute53 {
    const { propagationMilliseconds = 0, changeMilliseconds = 0 } = options;
    const requestBucket = tokenBucket(options.requests ?? { capacity: 50, refillPerSecond: 10 });
    const changeBucket = tokenBucket(options.changes ?? { capacity: 1_500, refillPerSecond: 100 });
    let content: ZoneContent = { name: normalizeName(options.zoneName), sets: new Map() };
    const history = [{ inSyncAt: 0, content }];
    const inSyncAt = new Map<string, number>();
    let isChanging = false;

    const zone: FakeRoute53 = {
        service: "route53",
        records: () => [...content.sets.values()].flat().map(toRecord).sort(inZoneOrder),
        published: () => history.findLast((state) => state.inSyncAt <= Date.now())!.content,
        put({ name, type, ttl, values }) {
            const ResourceRecords = values.map((Value) => ({ Value }));
            const set = { Name: name, Type: type as ResourceRecordSet["Type"], TTL: ttl, ResourceRecords };
            const others = (content.sets.get(name) ?? []).filter(({ Type }) => Type !== type);
            keep({ name: content.name, sets: new Map(content.sets).set(name, [...others, set]) }, Date.now());
        },
        remove({ name, type }) {
            const others = (content.sets.get(name) ?? []).filter(({ Type }) => Type !== type);
            const sets = new Map(content.sets).set(name, others);
            if (others.length === 0) {
                sets.delete(name);
            }
            keep({ name: content.name, sets }, Date.now());
        },
        refill() {
            requestBucket.refill();
            changeBucket.refill();
        },
        accepted: [],
        refused: {},
        async answer(request) {
            const response = requestBucket.take(1) ? await route(request) : throttled();
            if ((response.status ?? 200) >= 400) {
                const code = /<Code>(\w+)/.exec(response.body)?.[1] ?? "";
                zone.refused[code] = (zone.refused[code] ?? 0) + 1;
            }
            return response;
        },
    };

    function keep(next: ZoneContent, at: number): void {
        content = next;
        history.push({ inSyncAt: at, content });
    }

    function route({ operation, query, body }: FakeRequest): Promise<FakeResponse> | FakeResponse {
        if (operation === "GET /2013-04-01/hostedzone") {
            const { zoneId, zoneName } = options;
            const zones = `<HostedZone><Id>/hostedzone/${zoneId}</Id><Name>${zoneName}.</Name><CallerReference>fake</CallerReference><Config><PrivateZone>false</PrivateZone></Config></HostedZone>`;
            return xml(
                `<ListHostedZonesResponse><HostedZones>${zones}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems></ListHostedZonesResponse>`,
            );
        }
        const [, method, kind, id] = /^(\w+) \/2013-04-01\/(hostedzone|change)\/(\w+)/.exec(operation) ?? [];
        if (kind === "change") {
            return xml(`<GetChangeResponse>${changeInfo(id)}</GetChangeResponse>`);
        }
        if (id !== options.zoneId) {
            return xmlError(404, "NoSuchHostedZone", `No hosted zone found with ID: ${id}`);
        }
        return method === "GET" ? list(query) : change(body);
    }

    function list(query: URLSearchParams): FakeResponse {
        const start = { name: normalizeName(query.get("name") ?? ""), type: query.get("type") ?? "" };
        const from = zone.records().filter((record) => inZoneOrder(record, start) >= 0);
        const size = Math.min(300, Number(query.get("maxitems") ?? 300));
        const next = from[size];
        return xml(
            `<ListResourceRecordSetsResponse><ResourceRecordSets>${from.slice(0, size).map(recordXml).join("")}</ResourceRecordSets>` +
                `<IsTruncated>${next !== undefined}</IsTruncated><MaxItems>${size}</MaxItems>` +
                (next
                    ? `<NextRecordName>${next.name}</NextRecordName><NextRecordType>${next.type}</NextRecordType>`
                    : "") +
                "</ListResourceRecordSetsResponse>",
        );
    }

    async function change(body: string): Promise<FakeResponse> {
        const changes = readChanges(body);
        if (!changeBucket.take(batchCost(changes))) {
            return throttled();
        }
        if (isChanging) {
            const text = "The request was rejected because Route 53 was still processing a prior request.";
            return xmlError(400, "PriorRequestNotComplete", text);
        }
        isChanging = true;
        await new Promise((resolve) => setTimeout(resolve, changeMilliseconds));
        isChanging = false;
        const outcome = applyBatch(content, changes);
        if ("faults" in outcome) {
            return xmlError(400, "InvalidChangeBatch", `[${outcome.faults.join(", ")}]`);
        }
        zone.accepted.push(changes.map(({ action, set }) => `${action} ${set.Name} ${set.Type}`));
        const id = `C${zone.accepted.length}`;
        inSyncAt.set(id, Date.now() + propagationMilliseconds);
        keep(outcome.content, Date.now() + propagationMilliseconds);
        return xml(`<ChangeResourceRecordSetsResponse>${changeInfo(id)}</ChangeResourceRecordSetsResponse>`);
    }

    function changeInfo(id: string): string {
        const status = inSyncAt.get(id)! <= Date.now() ? "INSYNC" : "PENDING";
        return `<ChangeInfo><Id>/change/${id}</Id><Status>${status}</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>`;
    }

    return zone;
}

function throttled(): FakeResponse {
    return xmlError(400, "Throttling", "Rate exceeded");
}

function readChanges(body: string): Change[] {
    const document = parser.parse(body) as {
        ChangeResourceRecordSetsRequest: { ChangeBatch: { Changes: { Change: ChangeXml[] } } };
    };
    return document.ChangeResourceRecordSetsRequest.ChangeBatch.Changes.Change.map(({ Action, ResourceRecordSet }) => {
        const { Name, Type, TTL, ResourceRecords } = ResourceRecordSet;
        const set = {
            Name: normalizeName(Name),
            Type,
            TTL: Number(TTL),
            ResourceRecords: ResourceRecords.ResourceRecord,
        };
        return { action: Action, set };
    });
}

function toRecord({ Name, Type, TTL, ResourceRecords }: ResourceRecordSet): FakeRecord {
    return { name: Name!, type: Type!, ttl: TTL!, values: ResourceRecords!.map(({ Value }) => Value!) };
}

function recordXml({ name, type, ttl, values }: FakeRecord): string {
    const resources = values.map((value) => `<ResourceRecord><Value>${escapeXml(value)}</Value></ResourceRecord>`);
    return `<ResourceRecordSet><Name>${name}</Name><Type>${type}</Type><TTL>${ttl}</TTL><ResourceRecords>${resources.join("")}</ResourceRecords></ResourceRecordSet>`;
}

function tokenBucket({ capacity, refillPerSecond }: Bucket): { take(tokens: number): boolean; refill(): void } {
    let level = capacity;
    let at = Date.now();
    return {
        take(tokens) {
            level = Math.min(capacity, level + ((Date.now() - at) / 1_000) * refillPerSecond);
            at = Date.now();
            const enough = level >= tokens;
            level -= enough ? tokens : 0;
            return enough;
        },
        refill: () => void (level = capacity),
    };
}

/** By the labels of the name from the right, then by type. */
function inZoneOrder(a: Pick<FakeRecord, "name" | "type">, b: Pick<FakeRecord, "name" | "type">): number {
    const [x, y] = [a, b].map(({ name, type }) => `${name.split(".").reverse().join("\0")}\0\0${type}`);
    return x < y ? -1 : x > y ? 1 : 0;
}
