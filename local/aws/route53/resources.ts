import { randomUUID } from "node:crypto";

import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import type { HealthCheckArgs, HealthCheckState } from "@pulumi/aws/route53/healthCheck";
import type { RecordArgs, RecordState } from "@pulumi/aws/route53/record";
import type { ZoneArgs, ZoneState } from "@pulumi/aws/route53/zone";
import {
    adapter,
    type Adapters,
    changeTags,
    fields,
    Gone,
    type Inputs,
    service,
    tagList,
    tagsAll,
} from "../resources/adapter";
import type { Aws } from "../resources/sdk";

const gone = ["NoSuchHostedZone"];

export const route53: Adapters = service("Route 53", {
    "route53/healthCheck:HealthCheck": adapter<HealthCheckArgs, HealthCheckState>({
        taggable: true,
        defaults: { disabled: false },
        replaceOn: [
            "type",
            "requestInterval",
            "measureLatency",
            "ipAddress",
            "referenceName",
            "routingControlArn",
            "triggers",
        ],
        refuses: [
            "cloudwatchAlarmName",
            "cloudwatchAlarmRegion",
            "routingControlArn",
            "triggers",
            "insufficientDataHealthStatus",
        ],
        gone: ["NoSuchHealthCheck"],
        async create(aws, inputs) {
            const { HealthCheck } = await aws.route53.createHealthCheck({
                CallerReference: `${inputs.referenceName ?? "pulumi"}-${Date.now()}-${randomUUID()}`.slice(0, 64),
                HealthCheckConfig: {
                    ...{
                        Type: inputs.type as "HTTPS",
                        IPAddress: inputs.ipAddress,
                        MeasureLatency: inputs.measureLatency,
                    },
                    RequestInterval: inputs.requestInterval,
                    ...checkChanges(inputs),
                },
            });
            const id = HealthCheck!.Id!;
            if (inputs.tagsAll && Object.keys(inputs.tagsAll).length > 0) {
                const resource = { ResourceType: "healthcheck", ResourceId: id } as const;
                await aws.route53.changeTagsForResource({ ...resource, AddTags: tagList(inputs.tagsAll) });
            }
            return { id, arn: `arn:aws:route53:::healthcheck/${id}` };
        },
        async update(aws, check) {
            const resource = { ResourceType: "healthcheck", ResourceId: check.id } as const;
            await aws.route53.updateHealthCheck({ HealthCheckId: check.id, ...checkChanges(check.inputs) });
            await changeTags(
                check,
                (tags) => aws.route53.changeTagsForResource({ ...resource, AddTags: tagList(tags) }),
                (keys) => aws.route53.changeTagsForResource({ ...resource, RemoveTagKeys: keys }),
            );
        },
        async delete(aws, { id }) {
            await aws.route53.deleteHealthCheck({ HealthCheckId: id });
        },
        async read(aws, { id }) {
            const { HealthCheck } = await aws.route53.getHealthCheck({ HealthCheckId: id });
            const found = HealthCheck?.HealthCheckConfig;
            return {
                ...fields(found, "disabled", "failureThreshold", "port", "regions", "resourcePath", "searchString"),
                ...{
                    fqdn: found?.FullyQualifiedDomainName,
                    invertHealthcheck: found?.Inverted,
                    enableSni: found?.EnableSNI,
                },
                ...{ childHealthchecks: found?.ChildHealthChecks, childHealthThreshold: found?.HealthThreshold },
                ...(await tagsOf(aws, "healthcheck", id)),
            };
        },
    }),
    "route53/record:Record": adapter<RecordArgs, RecordState>({
        replaceOn: ["zoneId", "name"],
        refuses: ["cidrRoutingPolicy", "geoproximityRoutingPolicy"],
        emptyByDefault: ["healthCheckId"],
        gone,
        async create(aws, inputs) {
            const fqdn = await fqdnOf(aws, inputs);
            await change(aws, inputs.zoneId, [[inputs.allowOverwrite ? "UPSERT" : "CREATE", fqdn, inputs]]);
            const id = [inputs.zoneId, inputs.name, inputs.type, inputs.setIdentifier].filter(Boolean).join("_");
            return { id, fqdn };
        },
        async update(aws, { old, inputs, outputs }) {
            const fqdn = outputs.fqdn!;
            const isSame = old.type === inputs.type && old.setIdentifier === inputs.setIdentifier;
            // Another record as Route 53 sees it, in the same batch: as the real provider does, nobody is without an answer.
            const create = inputs.allowOverwrite ? "UPSERT" : "CREATE";
            const changes: readonly RecordChange[] = isSame
                ? [["UPSERT", fqdn, inputs]]
                : [
                      ["DELETE", fqdn, old],
                      [create, fqdn, inputs],
                  ];
            await change(aws, inputs.zoneId, changes);
        },
        async delete(aws, { inputs, outputs }) {
            try {
                await change(aws, inputs.zoneId, [["DELETE", outputs.fqdn!, inputs]]);
            } catch (error) {
                if (!(error as Error).message.includes("it was not found")) {
                    throw error;
                }
            }
        },
        async read(aws, { inputs, outputs }) {
            const { ResourceRecordSets = [] } = await aws.route53.listResourceRecordSets({
                HostedZoneId: inputs.zoneId,
                StartRecordName: outputs.fqdn,
                StartRecordType: inputs.type as "A",
                StartRecordIdentifier: inputs.setIdentifier,
            });
            const found = ResourceRecordSets.find(
                ({ Name, Type, SetIdentifier }) =>
                    plainName(Name) === plainName(outputs.fqdn) &&
                    Type === inputs.type &&
                    SetIdentifier === inputs.setIdentifier,
            );
            if (found === undefined) {
                throw new Gone(`The zone ${inputs.zoneId} has no such record.`);
            }
            const { AliasTarget: alias, GeoLocation: geolocation } = found;
            const isSameAlias = plainName(alias?.DNSName) === plainName(inputs.aliases?.[0].name);
            return {
                ttl: found.TTL,
                records: found.ResourceRecords?.map(({ Value }) =>
                    isQuoted(inputs) ? Value?.replace(/^"([^]*)"$/, "$1") : Value,
                ),
                aliases: alias && [
                    {
                        name: isSameAlias ? inputs.aliases?.[0].name : alias.DNSName,
                        ...{ zoneId: alias.HostedZoneId, evaluateTargetHealth: alias.EvaluateTargetHealth },
                    },
                ],
                healthCheckId: found.HealthCheckId,
                weightedRoutingPolicies: found.Weight === undefined ? undefined : [{ weight: found.Weight }],
                latencyRoutingPolicies: found.Region && [{ region: found.Region }],
                failoverRoutingPolicies: found.Failover && [{ type: found.Failover }],
                geolocationRoutingPolicies: geolocation && [
                    {
                        continent: geolocation.ContinentCode,
                        country: geolocation.CountryCode,
                        subdivision: geolocation.SubdivisionCode,
                    },
                ],
                multivalueAnswerRoutingPolicy: found.MultiValueAnswer,
            };
        },
    }),
    "route53/zone:Zone": adapter<ZoneArgs, ZoneState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { comment: "Managed by Pulumi", forceDestroy: false },
        replaceOn: ["name", "delegationSetId"],
        refuses: ["vpcs"],
        gone,
        async create(aws, inputs) {
            const { HostedZone, DelegationSet } = await aws.route53.createHostedZone({
                Name: inputs.name,
                CallerReference: `pulumi-${inputs.name}-${Date.now()}`,
                HostedZoneConfig: { Comment: inputs.comment },
            });
            const id = HostedZone!.Id!.replace("/hostedzone/", "");
            if (inputs.tagsAll) {
                await aws.route53.changeTagsForResource({
                    ResourceType: "hostedzone",
                    ResourceId: id,
                    AddTags: tagList(inputs.tagsAll),
                });
            }
            const nameServers = DelegationSet?.NameServers ?? [];
            return {
                id,
                zoneId: id,
                arn: `arn:aws:route53:::hostedzone/${id}`,
                nameServers,
                primaryNameServer: nameServers[0],
            };
        },
        async update(aws, zone) {
            const resource = { ResourceType: "hostedzone", ResourceId: zone.id } as const;
            await aws.route53.updateHostedZoneComment({ Id: zone.id, Comment: zone.inputs.comment });
            await changeTags(
                zone,
                (tags) => aws.route53.changeTagsForResource({ ...resource, AddTags: tagList(tags) }),
                (keys) => aws.route53.changeTagsForResource({ ...resource, RemoveTagKeys: keys }),
            );
        },
        async delete(aws, { id, inputs }) {
            if (inputs.forceDestroy) {
                await emptyZone(aws, id, inputs.name!);
            }
            await aws.route53.deleteHostedZone({ Id: id });
        },
        async read(aws, { id }) {
            const { HostedZone } = await aws.route53.getHostedZone({ Id: id });
            return { comment: HostedZone?.Config?.Comment, ...(await tagsOf(aws, "hostedzone", id)) };
        },
    }),
});

async function tagsOf(aws: Aws, ResourceType: "healthcheck" | "hostedzone", ResourceId: string): Promise<object> {
    const { ResourceTagSet } = await aws.route53.listTagsForResource({ ResourceType, ResourceId });
    return tagsAll(ResourceTagSet?.Tags);
}

/** As Route 53 writes a name, and as programs do: with its last dot or without, "*" as \\052. */
function plainName(name = ""): string {
    return name.replace(/\\052/g, "*").replace(/\.$/, "").toLowerCase();
}

/** Names may be given without the zone's. */
async function fqdnOf(aws: Aws, inputs: Inputs<RecordArgs>): Promise<string> {
    const { HostedZone } = await aws.route53.getHostedZone({ Id: inputs.zoneId });
    const zone = HostedZone!.Name!.replace(/\.$/, "");
    const name = inputs.name.replace(/\.$/, "").toLowerCase();
    if (name === "" || name === zone || name.endsWith(`.${zone}`)) {
        return name || zone;
    }
    return `${name}.${zone}`;
}

type RecordChange = readonly ["CREATE" | "UPSERT" | "DELETE", fqdn: string, inputs: Inputs<RecordArgs>];

/** Resolves when the name servers answer so, as with the real provider. */
async function change(aws: Aws, HostedZoneId: string, changes: readonly RecordChange[]): Promise<void> {
    const { waitUntilResourceRecordSetsChanged } = await import("@aws-sdk/client-route-53");
    const { ChangeInfo } = await aws.route53.changeResourceRecordSets({
        HostedZoneId,
        ChangeBatch: {
            Comment: "Managed by Pulumi",
            Changes: changes.map(([Action, fqdn, inputs]) => ({ Action, ResourceRecordSet: recordSet(fqdn, inputs) })),
        },
    });
    await waitUntilResourceRecordSetsChanged(
        { client: aws.route53, minDelay: 0.1, maxDelay: 2, maxWaitTime: 300 },
        { Id: ChangeInfo?.Id },
    );
}

/** What can be changed of a health check that is there. */
function checkChanges(inputs: Inputs<HealthCheckArgs>) {
    return {
        ...{ FullyQualifiedDomainName: inputs.fqdn, Port: inputs.port, ResourcePath: inputs.resourcePath },
        ...{ SearchString: inputs.searchString, FailureThreshold: inputs.failureThreshold },
        ...{ Inverted: inputs.invertHealthcheck, Disabled: inputs.disabled, EnableSNI: inputs.enableSni },
        ...{ ChildHealthChecks: inputs.childHealthchecks, HealthThreshold: inputs.childHealthThreshold },
        Regions: inputs.regions as "us-east-1"[] | undefined,
    };
}

function isQuoted({ type }: Inputs<RecordArgs>): boolean {
    return type === "TXT" || type === "SPF";
}

function recordSet(Name: string, inputs: Inputs<RecordArgs>): ResourceRecordSet {
    const [alias] = inputs.aliases ?? [];
    const [geolocation] = inputs.geolocationRoutingPolicies ?? [];
    return {
        Name,
        Type: inputs.type as "A",
        TTL: inputs.ttl,
        ResourceRecords: inputs.records?.map((value) => ({ Value: isQuoted(inputs) ? `"${value}"` : value })),
        AliasTarget: alias && {
            DNSName: alias.name,
            HostedZoneId: alias.zoneId,
            EvaluateTargetHealth: alias.evaluateTargetHealth,
        },
        SetIdentifier: inputs.setIdentifier,
        HealthCheckId: inputs.healthCheckId,
        Weight: inputs.weightedRoutingPolicies?.[0].weight,
        Region: inputs.latencyRoutingPolicies?.[0].region as "eu-west-1" | undefined,
        Failover: inputs.failoverRoutingPolicies?.[0].type as "PRIMARY" | undefined,
        GeoLocation: geolocation && {
            ContinentCode: geolocation.continent,
            CountryCode: geolocation.country,
            SubdivisionCode: geolocation.subdivision,
        },
        MultiValueAnswer: inputs.multivalueAnswerRoutingPolicy,
    };
}

/** Everything but the zone's own SOA and NS records. */
async function emptyZone(aws: Aws, HostedZoneId: string, name: string): Promise<void> {
    const { ResourceRecordSets = [] } = await aws.route53.listResourceRecordSets({ HostedZoneId });
    const Changes = ResourceRecordSets.filter(
        (set) => !(set.Name?.replace(/\.$/, "") === name && (set.Type === "SOA" || set.Type === "NS")),
    ).map((set) => ({ Action: "DELETE" as const, ResourceRecordSet: set }));
    if (Changes.length > 0) {
        await aws.route53.changeResourceRecordSets({ HostedZoneId, ChangeBatch: { Changes } });
        await emptyZone(aws, HostedZoneId, name); // the list has pages
    }
}
