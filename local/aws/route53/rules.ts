import type {
    Change,
    ChangeResourceRecordSetsRequest,
    CreateHealthCheckRequest,
    HealthCheckConfig,
    ListResourceRecordSetsRequest,
    ResourceRecordSet,
} from "@aws-sdk/client-route-53";

import { policies } from "../../internet/dns/routing";
import type { Rule, Rules } from "../models/rule";

const reference = "https://docs.aws.amazon.com/Route53/latest/APIReference";
/** AWS's words for both: https://github.com/hashicorp/terraform-provider-aws/issues/1668, github.com/ansible-collections/community.aws/issues/615 */
const recordSets = `${reference}/API_ResourceRecordSet.html`;

/** Of the first change that breaks it. */
function ofSets(source: string, fault: (set: ResourceRecordSet) => string | undefined): Rule {
    const faultOf = ({ Action, ResourceRecordSet: set = {} as ResourceRecordSet }: Change): string | undefined => {
        const text = fault(set);
        const name = set.Name?.endsWith(".") ? set.Name : `${set.Name}.`;
        const change = `Change with [Action=${Action}, Name=${name}, Type=${set.Type}, SetIdentifier=${set.SetIdentifier ?? "null"}]`;
        return text === undefined ? undefined : `Invalid request: ${text} in ${change}`;
    };
    return {
        source,
        code: "InvalidInput",
        fault: ({ ChangeBatch }: ChangeResourceRecordSetsRequest) =>
            (ChangeBatch?.Changes ?? []).map(faultOf).find((text) => text !== undefined),
    };
}

function policiesOf(set: ResourceRecordSet): readonly string[] {
    return policies.filter((policy) => set[policy] !== undefined);
}

const choices = "[Weight, Region, Failover, GeoLocation, or MultiValueAnswer]";

const identified = ofSets(recordSets, (set) =>
    policiesOf(set).length > 0 && set.SetIdentifier === undefined ? "Missing field 'SetIdentifier'" : undefined,
);

const onePolicy = ofSets(recordSets, (set) => {
    const count = policiesOf(set).length;
    if (set.SetIdentifier === undefined || count === 1) {
        return undefined;
    }
    return `Expected exactly one of ${choices}, but found ${count === 0 ? "none" : "more than one"}`;
});

const failoverAlias = ofSets(recordSets, ({ Failover, AliasTarget }) =>
    Failover !== undefined && AliasTarget !== undefined && AliasTarget.EvaluateTargetHealth !== true
        ? "A failover alias must have EvaluateTargetHealth true"
        : undefined,
);

const multivalueAlias = ofSets(recordSets, ({ MultiValueAnswer, AliasTarget }) =>
    MultiValueAnswer === true && AliasTarget !== undefined ? "A multivalue answer cannot be an alias" : undefined,
);

function ofChecks(fault: (config: HealthCheckConfig) => string | undefined): Rule {
    return {
        source: `${reference}/API_HealthCheckConfig.html`,
        code: "InvalidInput",
        fault: ({ HealthCheckConfig: config }: CreateHealthCheckRequest) => config && fault(config),
    };
}

const interval = ofChecks(({ RequestInterval = 30 }) =>
    [10, 30].includes(RequestInterval) ? undefined : "The request interval must be either 10 or 30 seconds",
);

const endpoint = ofChecks(({ Type, IPAddress, FullyQualifiedDomainName: name, Port }) => {
    if (Type === "CALCULATED") {
        return IPAddress !== undefined || Port !== undefined
            ? "A calculated health check has neither IPAddress nor Port"
            : undefined;
    }
    if (IPAddress === undefined && name === undefined) {
        return "A health check of an endpoint needs IPAddress or FullyQualifiedDomainName";
    }
    return Type === "TCP" && Port === undefined ? "A TCP health check needs a Port" : undefined;
});

const searched = ofChecks(({ Type, SearchString }) => {
    const searches = Type?.endsWith("_STR_MATCH") === true;
    return searches === (SearchString !== undefined)
        ? undefined
        : `SearchString ${searches ? "is missing" : "is not for this type"}: ${Type}`;
});

const started: Rule = {
    source: `${reference}/API_ListResourceRecordSets.html`,
    code: "InvalidInput",
    fault: ({ StartRecordName, StartRecordType }: ListResourceRecordSetsRequest) =>
        StartRecordType !== undefined && StartRecordName === undefined
            ? "A StartRecordType needs a StartRecordName"
            : undefined,
};

export const route53Rules: Rules = {
    ChangeResourceRecordSets: [identified, onePolicy, failoverAlias, multivalueAlias],
    CreateHealthCheck: [interval, endpoint, searched],
    ListResourceRecordSets: [started],
};
