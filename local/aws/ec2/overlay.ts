import type { NetworkInterface, NetworkInterfaces } from "../../tasks/networkInterfaces";
import type { LoadBalancing } from "../elb/loadBalancing";
import { AwsError, escapeXml, xmlResponse } from "../gateway/overlay";
import type { AwsRequest, Forward, Overlay } from "../gateway/overlay";
import { parseXml } from "../models/request";
import { itemsOf, refuseInUse } from "./inUse";
import type { Item } from "./inUse";

/**
 * The interfaces of tasks, and what they and load balancers keep from being deleted; everything else of EC2 is the
 * emulator's.
 */
export function ec2Overlay(
    networkInterfaces: NetworkInterfaces,
    loadBalancing: Pick<LoadBalancing, "uses"> = { uses: () => false },
): Overlay {
    return {
        service: "ec2",
        async handle(request, forward) {
            await refuseInUse(request.operation, request.parameters ?? {}, {
                networkInterfaces: networkInterfaces.list(request),
                uses: (id) => loadBalancing.uses(id),
                list: (operation) => listOfEmulator(operation, request, forward),
            });
            if (request.operation !== "DescribeNetworkInterfaces") {
                return undefined;
            }
            const input = new URLSearchParams(request.body.toString());
            const { elements, nextToken } = select(networkInterfaces.list(request), input);
            const items = elements.map((element) => itemXml(element, request.accountId)).join("");
            return xmlResponse(
                `<DescribeNetworkInterfacesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">` +
                    `<requestId>${crypto.randomUUID()}</requestId><networkInterfaceSet>${items}</networkInterfaceSet>` +
                    `${nextToken === undefined ? "" : `<nextToken>${nextToken}</nextToken>`}</DescribeNetworkInterfacesResponse>`,
            );
        },
    };
}

/** Whatever somebody asked, in whose name the emulator lists its own. */
async function listOfEmulator(operation: string, request: AwsRequest, forward: Forward): Promise<readonly Item[]> {
    const body = Buffer.from(new URLSearchParams({ Action: operation, Version: "2016-11-15" }).toString());
    const answer = parseXml((await forward({ ...request, body })).body.toString()) as Item;
    return Object.values(answer).flatMap(itemsOf);
}

interface Page {
    readonly elements: readonly NetworkInterface[];
    readonly nextToken?: string;
}

function select(all: readonly NetworkInterface[], input: URLSearchParams): Page {
    const ids = listOf(input, "NetworkInterfaceId");
    const maxResults = input.get("MaxResults");
    const unknown = ids.filter((id) => !all.some((candidate) => candidate.id === id));
    if (unknown.length > 0) {
        throw new AwsError(
            "InvalidNetworkInterfaceID.NotFound",
            unknown.length === 1
                ? `The networkInterface ID '${unknown[0]}' does not exist`
                : `The networkInterface IDs '${unknown.join(", ")}' do not exist`,
        );
    }
    if (ids.length > 0 && maxResults !== null) {
        throw new AwsError(
            "InvalidParameterCombination",
            "The parameter MaxResults cannot be used with the parameter networkInterfaceIds",
        );
    }
    if (maxResults !== null && !(Number(maxResults) >= 5 && Number(maxResults) <= 1000)) {
        throw new AwsError(
            "InvalidParameterValue",
            `Value ( ${maxResults} ) for parameter maxResults is invalid. Expecting a value between 5 and 1000.`,
        );
    }
    const filters = filtersOf(input);
    const found = all
        .filter(({ id }) => ids.length === 0 || ids.includes(id))
        .filter((candidate) => filters.every(({ name, values }) => values.includes(filterValue(candidate, name))));
    const start = Number(input.get("NextToken") ?? 0);
    const end = maxResults === null ? found.length : start + Number(maxResults);
    return { elements: found.slice(start, end), ...(end < found.length ? { nextToken: String(end) } : {}) };
}

/** `Name.1`, `Name.2`, … of the query protocol. */
function listOf(input: URLSearchParams, name: string): string[] {
    const pattern = new RegExp(`^${name}\\.\\d+$`);
    return [...input].filter(([key]) => pattern.test(key)).map(([, value]) => value);
}

function filtersOf(input: URLSearchParams): { readonly name: string; readonly values: readonly string[] }[] {
    const numbers = [...input.keys()]
        .map((key) => /^Filter\.(\d+)\.Name$/.exec(key)?.[1])
        .filter((n) => n !== undefined);
    return numbers.map((number) => {
        const values = listOf(input, `Filter\\.${number}\\.Value`);
        if (values.length > 200) {
            throw new AwsError(
                "FilterLimitExceeded",
                `The maximum number of filter values specified on a single call is 200; given are ${values.length}.`,
            );
        }
        return { name: input.get(`Filter.${number}.Name`)!, values };
    });
}

function filterValue(candidate: NetworkInterface, name: string): string {
    switch (name) {
        case "network-interface-id":
            return candidate.id;
        case "subnet-id":
            return candidate.subnetId;
        case "status":
            return "in-use";
        case "private-ip-address":
        case "addresses.private-ip-address":
            return candidate.address;
        case "association.public-ip":
            return candidate.isPublic ? candidate.address : "";
        case "attachment.attachment-id":
            return candidate.attachmentId;
        default:
            throw new AwsError("InvalidParameterValue", `The filter '${name}' is invalid`);
    }
}

function itemXml(element: NetworkInterface, accountId: string): string {
    const { address, availabilityZone, createdAt, id, isPublic, macAddress, privateDnsName, subnetId } = element;
    const association = isPublic
        ? `<association><ipOwnerId>amazon</ipOwnerId><publicDnsName>ec2-${address.replaceAll(".", "-")}.${element.scope.region}.compute.amazonaws.com</publicDnsName>` +
          `<publicIp>${address}</publicIp></association>`
        : "";
    const groups = element.securityGroupIds
        .map((group) => `<item><groupId>${escapeXml(group)}</groupId><groupName>${escapeXml(group)}</groupName></item>`)
        .join("");
    return (
        `<item><networkInterfaceId>${id}</networkInterfaceId><subnetId>${escapeXml(subnetId)}</subnetId>` +
        `<availabilityZone>${availabilityZone}</availabilityZone><description>arn:aws:ecs:${element.scope.region}:${accountId}:attachment/${element.attachmentId}</description>` +
        `<ownerId>${accountId}</ownerId><requesterManaged>true</requesterManaged><status>in-use</status><macAddress>${macAddress}</macAddress>` +
        `<privateIpAddress>${address}</privateIpAddress><privateDnsName>${privateDnsName}</privateDnsName><sourceDestCheck>true</sourceDestCheck>` +
        `<groupSet>${groups}</groupSet><interfaceType>interface</interfaceType>` +
        `<attachment><attachmentId>eni-attach-${id.slice(4)}</attachmentId><deviceIndex>1</deviceIndex><status>attached</status>` +
        `<attachTime>${createdAt.toISOString()}</attachTime><deleteOnTermination>false</deleteOnTermination></attachment>${association}` +
        `<privateIpAddressesSet><item><privateIpAddress>${address}</privateIpAddress><privateDnsName>${privateDnsName}</privateDnsName>` +
        `<primary>true</primary>${association}</item></privateIpAddressesSet><ipv6AddressesSet/><tagSet/></item>`
    );
}
