// What a zone itself says of names that are not there yet, and of who may issue certificates for those that are.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/**
 * Sets how long resolvers may remember that a name does not exist: the smaller of the SOA record's TTL and its last field (RFC 2308). Route 53 begins
 * with 900 s. The other fields are Route 53's own, for secondary name servers, of which it has none. A zone cannot be without the record, so a
 * destroy leaves it as it is.
 */
export function negativeTtlRecord(
    name: string,
    { hostedZoneId, seconds }: { hostedZoneId: pulumi.Input<string>; seconds: pulumi.Input<number> },
    parent: pulumi.Resource,
): aws.route53.Record {
    const zone = aws.route53.getZoneOutput({ zoneId: hostedZoneId }, { parent });
    const server = zone.primaryNameServer.apply((name) => name.replace(/\.?$/, "."));
    return new aws.route53.Record(
        `${name}-soa`,
        {
            zoneId: hostedZoneId,
            name: zone.name,
            type: "SOA",
            ttl: seconds,
            records: [pulumi.interpolate`${server} awsdns-hostmaster.amazon.com. 1 7200 900 1209600 ${seconds}`],
            allowOverwrite: true, // it is there since the zone is
        },
        { parent, retainOnDelete: true },
    );
}

/**
 * Lets one authority alone issue wildcard certificates below the domain, and nobody any other (RFC 8659): who is given the address of a task that has
 * stopped can prove to no authority that the name is theirs, for that proves single names only.
 */
export function issuerRecord(
    name: string,
    {
        hostedZoneId,
        domain,
        issuer,
    }: { hostedZoneId: pulumi.Input<string>; domain: pulumi.Input<string>; issuer: pulumi.Input<string> },
    parent: pulumi.Resource,
): aws.route53.Record {
    return new aws.route53.Record(
        `${name}-caa`,
        {
            zoneId: hostedZoneId,
            name: domain,
            type: "CAA",
            ttl: 300,
            records: ['0 issue ";"', pulumi.interpolate`0 issuewild "${issuer}"`],
        },
        { parent },
    );
}
