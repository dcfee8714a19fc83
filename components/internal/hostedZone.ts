// The zone in which a component's names are.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { zoneReason } from "./rules";
import { faultOf, refuse } from "./validation";

export interface NamesInZone {
    readonly domain: pulumi.Input<string>;
    readonly hostedZoneId: pulumi.Input<string>;
}

/**
 * The zone's id, once Route 53 has said that it is public and holds the domain: in another zone records would be made that nobody finds, and the
 * certificate authority would look for its challenges in vain.
 */
export function zoneHolding(
    subject: string,
    { domain, hostedZoneId }: NamesInZone,
    parent: pulumi.Resource,
): pulumi.Output<string> {
    const zone = aws.route53.getZoneOutput({ zoneId: hostedZoneId }, { parent });
    return pulumi.all([hostedZoneId, domain, zone]).apply(([id, name, { name: zoneName, privateZone }]) => {
        const reason = privateZone
            ? `"${id}" is a private zone: give the id of the public one that holds ${name}`
            : zoneReason(zoneName, name);
        refuse({ subject, found: faultOf("hostedZoneId", reason) });
        return id;
    });
}
