import { type DataSources, onlyOne } from "../resources/dataSources";
import type { Aws } from "../resources/sdk";
import type { Properties } from "../resources/values";

export const route53DataSources: DataSources = {
    "aws:route53/getZone:getZone": async (aws, args) => {
        const id = typeof args.zoneId === "string" ? args.zoneId : await findZone(aws, args);
        const { HostedZone: zone, DelegationSet } = await aws.route53
            .getHostedZone({ Id: id })
            .catch((error: Error) => {
                throw new Error(`reading Route 53 Hosted Zone (${id}): ${error.name}: ${error.message}`);
            });
        const nameServers = DelegationSet?.NameServers ?? [];
        const zoneId = zone!.Id!.replace("/hostedzone/", "");
        return {
            id: zoneId,
            zoneId,
            arn: `arn:aws:route53:::hostedzone/${zoneId}`,
            name: withoutDot(zone?.Name),
            callerReference: zone?.CallerReference,
            comment: zone?.Config?.Comment ?? "",
            privateZone: zone?.Config?.PrivateZone ?? false,
            resourceRecordSetCount: zone?.ResourceRecordSetCount ?? 0,
            nameServers,
            primaryNameServer: nameServers[0] ?? "",
            tags: {},
        };
    },
};

async function findZone(aws: Aws, args: Properties): Promise<string> {
    const name = withoutDot(args.name as string);
    const wantsPrivate = args.privateZone === true;
    const matches = [];
    let Marker: string | undefined;
    do {
        const page = await aws.route53.listHostedZones({ Marker });
        matches.push(
            ...(page.HostedZones ?? []).filter(
                (zone) => withoutDot(zone.Name) === name && (zone.Config?.PrivateZone ?? false) === wantsPrivate,
            ),
        );
        Marker = page.NextMarker;
    } while (Marker !== undefined);
    return onlyOne("Route 53 Hosted Zone", matches).Id!.replace("/hostedzone/", "");
}

function withoutDot(name = ""): string {
    return name.replace(/\.$/, "");
}
