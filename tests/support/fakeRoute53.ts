import { isIPv4 } from "node:net";
import { XMLParser } from "fast-xml-parser";
import { escapeXml, xml, xmlError, type FakeRequest, type FakeResponse, type FakeService } from "./fakeAws";

// One Route 53 hosted zone with the rules that a careless caller falls over.

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
    readonly private?: boolean;
    /** Both of Route 53's buckets must hold enough; by default as large as AWS's. */
    readonly requests?: Bucket;
    readonly changes?: Bucket;
    /** How long a change is PENDING, and not yet in `resolvable()`. */
    readonly propagationMilliseconds?: number;
    /** How long a change keeps others of the zone waiting, which get PriorRequestNotComplete. */
    readonly changeMilliseconds?: number;
}

export interface FakeRoute53 extends FakeService {
    /** The zone's records but its SOA and NS, in Route 53's order. */
    records(): FakeRecord[];
    /** The records as a name server shows them by now. */
    resolvable(): FakeRecord[];
    /** Puts a record in from outside, bypassing every rule. */
    put(record: FakeRecord): void;
    /** Fills both buckets, as time does. */
    refill(): void;
    /** Each accepted change batch, as "CREATE a.example.test. A". */
    readonly accepted: string[][];
    /** How often a request was refused, by error code. */
    readonly refused: Record<string, number>;
}

interface Change {
    readonly Action: "CREATE" | "UPSERT" | "DELETE";
    readonly ResourceRecordSet: {
        readonly Name: string;
        readonly Type: string;
        readonly TTL?: string;
        readonly ResourceRecords?: { readonly ResourceRecord: { readonly Value: string }[] };
    };
}

const parser = new XMLParser({
    parseTagValue: false,
    isArray: (name) => name === "Change" || name === "ResourceRecord",
});

export function createFakeRoute53(options: FakeRoute53Options): FakeRoute53 {
    const zoneName = absolute(options.zoneName);
    const requestBucket = tokenBucket(options.requests ?? { capacity: 50, refillPerSecond: 10 });
    const changeBucket = tokenBucket(options.changes ?? { capacity: 1_500, refillPerSecond: 100 });
    const propagation = options.propagationMilliseconds ?? 0;
    const history: { readonly inSyncAt: number; readonly records: ReadonlyMap<string, FakeRecord> }[] = [];
    const changeIds = new Map<string, number>();
    let records = new Map<string, FakeRecord>();
    let busyUntil = 0;
    const zone: FakeRoute53 = {
        service: "route53",
        refill() {
            requestBucket.refill();
            changeBucket.refill();
        },
        accepted: [],
        refused: {},
        records: () => [...records.values()].sort(inZoneOrder),
        resolvable() {
            const shown = history.findLast(({ inSyncAt }) => inSyncAt <= Date.now());
            return [...(shown?.records.values() ?? [])];
        },
        put(record) {
            records = new Map(records).set(keyOf(record), record);
            history.push({ inSyncAt: Date.now(), records });
        },
        async answer(request) {
            const response = await route(request);
            if ((response.status ?? 200) >= 400) {
                const code = /<Code>(\w+)/.exec(response.body)?.[1] ?? "";
                zone.refused[code] = (zone.refused[code] ?? 0) + 1;
            }
            return response;
        },
    };

    async function route({ operation, query, body }: FakeRequest): Promise<FakeResponse> {
        if (!requestBucket.take(1)) {
            return xmlError(400, "Throttling", "Rate exceeded");
        }
        const [, kind, id, rest] = /^\w+ \/2013-04-01\/(hostedzone|change)\/(\w+)(\/rrset)?\/?$/.exec(operation) ?? [];
        if (kind === "change") {
            return getChange(id);
        }
        if (id !== options.zoneId) {
            return xmlError(404, "NoSuchHostedZone", `No hosted zone found with ID: ${id}`);
        }
        if (rest === undefined) {
            const config = `<Config><PrivateZone>${options.private === true}</PrivateZone></Config>`;
            const zoneXml = `<HostedZone><Id>/hostedzone/${id}</Id><Name>${zoneName}</Name><CallerReference>fake</CallerReference>${config}</HostedZone>`;
            return xml(`<GetHostedZoneResponse>${zoneXml}</GetHostedZoneResponse>`);
        }
        return operation.startsWith("GET") ? list(query) : change(body);
    }

    function getChange(id: string): FakeResponse {
        const inSyncAt = changeIds.get(id);
        return inSyncAt === undefined
            ? xmlError(404, "NoSuchChange", `A change with the ID ${id} does not exist.`)
            : xml(`<GetChangeResponse>${changeInfo(id, inSyncAt)}</GetChangeResponse>`);
    }

    function list(query: URLSearchParams): FakeResponse {
        const start = query.get("name")
            ? { name: absolute(query.get("name")!), type: query.get("type") ?? "" }
            : undefined;
        const from = zone.records().filter((record) => !start || inZoneOrder(record, start) >= 0);
        const size = Math.min(300, Number(query.get("maxitems") ?? 300));
        const next = from[size];
        const sets = from.slice(0, size).map(({ name, type, ttl, values }) => {
            const resources = values.map(
                (value) => `<ResourceRecord><Value>${escapeXml(value)}</Value></ResourceRecord>`,
            );
            return `<ResourceRecordSet><Name>${name}</Name><Type>${type}</Type><TTL>${ttl}</TTL><ResourceRecords>${resources.join("")}</ResourceRecords></ResourceRecordSet>`;
        });
        const nextXml = next
            ? `<NextRecordName>${next.name}</NextRecordName><NextRecordType>${next.type}</NextRecordType>`
            : "";
        return xml(
            `<ListResourceRecordSetsResponse><ResourceRecordSets>${sets.join("")}</ResourceRecordSets><IsTruncated>${next !== undefined}</IsTruncated>${nextXml}<MaxItems>${size}</MaxItems></ListResourceRecordSetsResponse>`,
        );
    }

    async function change(body: string): Promise<FakeResponse> {
        const document = parser.parse(body) as {
            ChangeResourceRecordSetsRequest: { ChangeBatch: { Changes: { Change: Change[] } } };
        };
        const changes = document.ChangeResourceRecordSetsRequest.ChangeBatch.Changes.Change;
        if (!changeBucket.take(changes.reduce((sum, { Action }) => sum + (Action === "UPSERT" ? 2 : 1), 0))) {
            return xmlError(400, "Throttling", "Rate exceeded");
        }
        if (Date.now() < busyUntil) {
            return xmlError(
                400,
                "PriorRequestNotComplete",
                "The request was rejected because Route 53 was still processing a prior request.",
            );
        }
        if (options.changeMilliseconds) {
            busyUntil = Date.now() + options.changeMilliseconds;
            await new Promise((resolve) => setTimeout(resolve, options.changeMilliseconds));
        }
        const faults = limits(changes);
        const after = new Map(records);
        const seen = new Set<string>();
        for (const { Action, ResourceRecordSet } of faults.length > 0 ? [] : changes) {
            const record: FakeRecord = {
                name: absolute(ResourceRecordSet.Name),
                type: ResourceRecordSet.Type,
                ttl: Number(ResourceRecordSet.TTL),
                values: ResourceRecordSet.ResourceRecords?.ResourceRecord.map(({ Value }) => Value) ?? [],
            };
            const fault = seen.has(`${Action} ${keyOf(record)}`)
                ? `The request contains an invalid set of changes for a resource record set '${record.type} ${record.name}'`
                : faultOf(Action, record, after);
            if (fault !== undefined) {
                faults.push(fault);
            } else if (Action === "DELETE") {
                after.delete(keyOf(record));
            } else {
                after.set(keyOf(record), record);
            }
            seen.add(`${Action} ${keyOf(record)}`);
        }
        if (faults.length > 0) {
            return xmlError(400, "InvalidChangeBatch", `[${faults.join(", ")}]`);
        }
        records = after;
        zone.accepted.push(changes.map(({ Action, ResourceRecordSet: { Name, Type } }) => `${Action} ${Name} ${Type}`));
        const id = `C${zone.accepted.length}`;
        const inSyncAt = Date.now() + propagation;
        changeIds.set(id, inSyncAt);
        history.push({ inSyncAt, records });
        return xml(`<ChangeResourceRecordSetsResponse>${changeInfo(id, inSyncAt)}</ChangeResourceRecordSetsResponse>`);
    }

    function faultOf(action: string, record: FakeRecord, now: ReadonlyMap<string, FakeRecord>): string | undefined {
        const { name, type, values } = record;
        const current = now.get(keyOf(record));
        const tried = `Tried to ${action.toLowerCase()} resource record set [name='${name}', type='${type}'] but`;
        if (name !== zoneName && !name.endsWith(`.${zoneName}`)) {
            return `RRSet with DNS name ${name} is not permitted in zone ${zoneName}`;
        }
        if (action === "DELETE") {
            if (current === undefined) {
                return `${tried} it was not found`;
            }
            const same = current.ttl === record.ttl && sorted(current.values) === sorted(values);
            return same ? undefined : `${tried} the values provided do not match the current values`;
        }
        if (action === "CREATE" && current !== undefined) {
            return `${tried} it already exists`;
        }
        const others = [...now.values()].filter((other) => other.name === name && other.type !== type);
        if (type === "CNAME" ? others.length > 0 : others.some((other) => other.type === "CNAME")) {
            return `RRSet of type ${type} with DNS name ${name} is not permitted as it conflicts with other records with the same DNS name in zone ${zoneName}`;
        }
        const bad = values.find(
            (value) => (type === "A" && !isIPv4(value)) || (type === "TXT" && !/^".*"$/.test(value)),
        );
        if (bad !== undefined) {
            return `Invalid Resource Record: 'FATAL problem: ${type}RRDATAIllegal encountered with '${bad}''`;
        }
        return new Set(values).size < values.length ? `Duplicate Resource Record: '${values[0]}'` : undefined;
    }

    return zone;
}

/** An UPSERT counts twice against both limits. */
function limits(changes: readonly Change[]): string[] {
    let elements = 0;
    let characters = 0;
    for (const { Action, ResourceRecordSet } of changes) {
        for (const { Value } of ResourceRecordSet.ResourceRecords?.ResourceRecord ?? []) {
            elements += Action === "UPSERT" ? 2 : 1;
            characters += Value.length * (Action === "UPSERT" ? 2 : 1);
        }
    }
    return [
        ...(elements > 1_000 ? ["Number of records limit of 1000 exceeded."] : []),
        ...(characters > 32_000 ? ["Number of characters limit of 32000 exceeded."] : []),
    ];
}

function changeInfo(id: string, inSyncAt: number): string {
    const status = inSyncAt <= Date.now() ? "INSYNC" : "PENDING";
    return `<ChangeInfo><Id>/change/${id}</Id><Status>${status}</Status><SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt></ChangeInfo>`;
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

function keyOf({ name, type }: Pick<FakeRecord, "name" | "type">): string {
    return `${name} ${type}`;
}

function absolute(name: string): string {
    return name.toLowerCase().replace(/\.?$/, ".");
}

function sorted(values: readonly string[]): string {
    return [...values].sort().join(" ");
}

/** By the labels of the name from the right, then by type. */
function inZoneOrder(a: Pick<FakeRecord, "name" | "type">, b: Pick<FakeRecord, "name" | "type">): number {
    const [x, y] = [a, b].map(({ name, type }) => `${name.split(".").reverse().join("\0")}\0\0${type}`);
    return x < y ? -1 : x > y ? 1 : 0;
}
