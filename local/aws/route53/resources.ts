import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import type { RecordArgs, RecordState } from "@pulumi/aws/route53/record";
import type { ZoneArgs, ZoneState } from "@pulumi/aws/route53/zone";
import { type Adapters, adapter, changeTags, type Inputs, service, tagList } from "../resources/adapter";
import type { Aws } from "../resources/sdk";

const gone = ["NoSuchHostedZone"];

export const route53: Adapters = service("Route 53", {
    "route53/record:Record": adapter<RecordArgs, RecordState>({
        replaceOn: ["zoneId", "name", "type", "setIdentifier"],
        refuses: ["cidrRoutingPolicy", "geoproximityRoutingPolicy"],
        gone,
        async create(aws, inputs) {
            const fqdn = await fqdnOf(aws, inputs);
            await change(aws, inputs.allowOverwrite ? "UPSERT" : "CREATE", fqdn, inputs);
            const id = [inputs.zoneId, inputs.name, inputs.type, inputs.setIdentifier].filter(Boolean).join("_");
            return { id, fqdn };
        },
        async update(aws, { inputs, outputs }) {
            await change(aws, "UPSERT", outputs.fqdn!, inputs);
        },
        async delete(aws, { inputs, outputs }) {
            try {
                await change(aws, "DELETE", outputs.fqdn!, inputs);
            } catch (error) {
                if (!(error as Error).message.includes("it was not found")) {
                    throw error;
                }
            }
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
            await aws.route53.getHostedZone({ Id: id });
        },
    }),
});

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

/** Resolves when the name servers answer so, as with the real provider. */
async function change(
    aws: Aws,
    Action: "CREATE" | "UPSERT" | "DELETE",
    fqdn: string,
    inputs: Inputs<RecordArgs>,
): Promise<void> {
    const { waitUntilResourceRecordSetsChanged } = await import("@aws-sdk/client-route-53");
    const { ChangeInfo } = await aws.route53.changeResourceRecordSets({
        HostedZoneId: inputs.zoneId,
        ChangeBatch: {
            Comment: "Managed by Pulumi",
            Changes: [{ Action, ResourceRecordSet: recordSet(fqdn, inputs) }],
        },
    });
    await waitUntilResourceRecordSetsChanged(
        { client: aws.route53, minDelay: 0.1, maxDelay: 2, maxWaitTime: 300 },
        { Id: ChangeInfo?.Id },
    );
}

function recordSet(Name: string, inputs: Inputs<RecordArgs>): ResourceRecordSet {
    const [alias] = inputs.aliases ?? [];
    const [geolocation] = inputs.geolocationRoutingPolicies ?? [];
    const quoted = inputs.type === "TXT" || inputs.type === "SPF";
    return {
        Name,
        Type: inputs.type as "A",
        TTL: inputs.ttl,
        ResourceRecords: inputs.records?.map((value) => ({ Value: quoted ? `"${value}"` : value })),
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
