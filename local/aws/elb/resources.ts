import type { Action, CreateListenerCommandInput, RuleCondition } from "@aws-sdk/client-elastic-load-balancing-v2";
import type { ListenerArgs, ListenerState } from "@pulumi/aws/lb/listener";
import type { ListenerCertificateArgs, ListenerCertificateState } from "@pulumi/aws/lb/listenerCertificate";
import type { ListenerRuleArgs, ListenerRuleState } from "@pulumi/aws/lb/listenerRule";
import type { LoadBalancerArgs, LoadBalancerState } from "@pulumi/aws/lb/loadBalancer";
import type { TargetGroupArgs, TargetGroupState } from "@pulumi/aws/lb/targetGroup";
import {
    type Adapters,
    adapter,
    changeTags,
    Gone,
    type Inputs,
    service,
    tagList,
    tagsOrNone,
} from "../resources/adapter";
import { patiently } from "../resources/patience";
import type { Aws } from "../resources/sdk";
import { pascalKeys } from "../resources/values";

const gone = [
    "LoadBalancerNotFoundException",
    "TargetGroupNotFoundException",
    "ListenerNotFoundException",
    "RuleNotFoundException",
];

export const lb: Adapters = service("ELBv2", {
    "lb/loadBalancer:LoadBalancer": adapter<LoadBalancerArgs, LoadBalancerState>({
        taggable: true,
        autoName: { property: "name", maxLength: 32 },
        defaults: { loadBalancerType: "application", enableDeletionProtection: false },
        replaceOn: ["name", "internal", "loadBalancerType"],
        gone,
        async create(aws, inputs) {
            const { LoadBalancers = [] } = await aws.elb.createLoadBalancer({
                Name: inputs.name,
                Type: inputs.loadBalancerType as "application",
                Scheme: inputs.internal ? "internal" : "internet-facing",
                IpAddressType: inputs.ipAddressType as "ipv4" | undefined,
                Subnets: inputs.subnets,
                SubnetMappings: inputs.subnetMappings?.map(({ subnetId, allocationId, privateIpv4Address }) => ({
                    SubnetId: subnetId,
                    AllocationId: allocationId,
                    PrivateIPv4Address: privateIpv4Address,
                })),
                SecurityGroups: inputs.securityGroups,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            const [made] = LoadBalancers;
            await setLoadBalancerAttributes(aws, made.LoadBalancerArn, inputs);
            return {
                id: made.LoadBalancerArn!,
                arn: made.LoadBalancerArn,
                arnSuffix: made.LoadBalancerArn?.split(":loadbalancer/")[1],
                dnsName: made.DNSName,
                zoneId: made.CanonicalHostedZoneId,
                vpcId: made.VpcId,
            };
        },
        async update(aws, change) {
            const { id: LoadBalancerArn, inputs } = change;
            if (inputs.subnets) {
                await aws.elb.setSubnets({ LoadBalancerArn, Subnets: inputs.subnets });
            }
            if (inputs.securityGroups) {
                await aws.elb.setSecurityGroups({ LoadBalancerArn, SecurityGroups: inputs.securityGroups });
            }
            await setLoadBalancerAttributes(aws, LoadBalancerArn, inputs);
            await changeElbTags(aws, change);
        },
        delete: (aws, { id }) => aws.elb.deleteLoadBalancer({ LoadBalancerArn: id }),
        async read(aws, { id }) {
            await aws.elb.describeLoadBalancers({ LoadBalancerArns: [id] });
        },
    }),
    "lb/targetGroup:TargetGroup": adapter<TargetGroupArgs, TargetGroupState>({
        taggable: true,
        autoName: { property: "name", maxLength: 32 },
        defaults: { targetType: "instance" },
        replaceOn: ["name", "port", "protocol", "protocolVersion", "targetType", "vpcId", "ipAddressType"],
        gone,
        async create(aws, inputs) {
            const { TargetGroups = [] } = await aws.elb.createTargetGroup({
                ...healthCheck(inputs),
                Name: inputs.name,
                Port: inputs.port,
                Protocol: inputs.protocol as "HTTP",
                ProtocolVersion: inputs.protocolVersion,
                TargetType: inputs.targetType as "ip",
                VpcId: inputs.vpcId,
                IpAddressType: inputs.ipAddressType as "ipv4" | undefined,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            const arn = TargetGroups[0].TargetGroupArn!;
            await setTargetGroupAttributes(aws, arn, inputs);
            return { id: arn, arn, arnSuffix: arn.split(":").at(-1) };
        },
        async update(aws, change) {
            await aws.elb.modifyTargetGroup({ TargetGroupArn: change.id, ...healthCheck(change.inputs) });
            await setTargetGroupAttributes(aws, change.id, change.inputs);
            await changeElbTags(aws, change);
        },
        delete: (aws, { id }) =>
            patiently(2, /^ResourceInUse/, () => aws.elb.deleteTargetGroup({ TargetGroupArn: id })),
        async read(aws, { id }) {
            await aws.elb.describeTargetGroups({ TargetGroupArns: [id] });
        },
    }),
    "lb/listener:Listener": adapter<ListenerArgs, ListenerState>({
        taggable: true,
        replaceOn: ["loadBalancerArn"],
        gone,
        async create(aws, inputs) {
            const { Listeners = [] } = await aws.elb.createListener({
                ...listener(inputs),
                LoadBalancerArn: inputs.loadBalancerArn,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            const arn = Listeners[0].ListenerArn!;
            await setListenerAttributes(aws, arn, inputs);
            return { id: arn, arn };
        },
        async update(aws, change) {
            await aws.elb.modifyListener({ ...listener(change.inputs), ListenerArn: change.id });
            await setListenerAttributes(aws, change.id, change.inputs);
            await changeElbTags(aws, change);
        },
        delete: (aws, { id }) => aws.elb.deleteListener({ ListenerArn: id }),
        async read(aws, { id }) {
            expectOne((await aws.elb.describeListeners({ ListenerArns: [id] })).Listeners);
        },
    }),
    "lb/listenerRule:ListenerRule": adapter<ListenerRuleArgs, ListenerRuleState>({
        taggable: true,
        replaceOn: ["listenerArn"],
        refuses: ["transforms"],
        gone,
        async create(aws, inputs) {
            const Priority = inputs.priority ?? (await nextPriority(aws, inputs.listenerArn));
            const { Rules = [] } = await aws.elb.createRule({
                ListenerArn: inputs.listenerArn,
                Priority,
                Actions: inputs.actions.map(action),
                Conditions: inputs.conditions.map(condition),
                Tags: tagsOrNone(inputs.tagsAll),
            });
            return { id: Rules[0].RuleArn!, arn: Rules[0].RuleArn, priority: Priority };
        },
        async update(aws, change) {
            const { id: RuleArn, inputs, old } = change;
            if (inputs.priority !== undefined && inputs.priority !== old.priority) {
                await aws.elb.setRulePriorities({ RulePriorities: [{ RuleArn, Priority: inputs.priority }] });
            }
            await aws.elb.modifyRule({
                RuleArn,
                Actions: inputs.actions.map(action),
                Conditions: inputs.conditions.map(condition),
            });
            await changeElbTags(aws, change);
        },
        delete: (aws, { id }) => aws.elb.deleteRule({ RuleArn: id }),
        async read(aws, { id }) {
            expectOne((await aws.elb.describeRules({ RuleArns: [id] })).Rules);
        },
    }),
    "lb/listenerCertificate:ListenerCertificate": adapter<ListenerCertificateArgs, ListenerCertificateState>({
        gone,
        async create(aws, inputs) {
            await aws.elb.addListenerCertificates(listenerCertificate(inputs));
            return { id: `${inputs.listenerArn}_${inputs.certificateArn}` };
        },
        delete: (aws, { inputs }) => aws.elb.removeListenerCertificates(listenerCertificate(inputs)),
    }),
});

function listenerCertificate({ listenerArn, certificateArn }: Inputs<ListenerCertificateArgs>) {
    return { ListenerArn: listenerArn, Certificates: [{ CertificateArn: certificateArn }] };
}

/** The emulator gives an empty list for what is not there. */
function expectOne(found: readonly unknown[] = []): void {
    if (found.length === 0) {
        throw new Gone();
    }
}

/** ELB refuses an empty list. */
function changeElbTags(aws: Aws, change: Parameters<typeof changeTags>[0]): Promise<void> {
    const ResourceArns = [change.id];
    return changeTags(
        change,
        (tags) => aws.elb.addTags({ ResourceArns, Tags: tagList(tags) }),
        (TagKeys) => aws.elb.removeTags({ ResourceArns, TagKeys }),
    );
}

/** Those that are set, as ELB's list of texts. */
function attributes(given: Readonly<Record<string, string | number | boolean | undefined>>) {
    return Object.entries(given)
        .filter(([, value]) => value !== undefined)
        .map(([Key, value]) => ({ Key, Value: String(value) }));
}

async function setLoadBalancerAttributes(
    aws: Aws,
    LoadBalancerArn: string | undefined,
    inputs: Inputs<LoadBalancerArgs>,
): Promise<void> {
    const { accessLogs, connectionLogs } = inputs;
    const Attributes = attributes({
        "access_logs.s3.enabled": accessLogs && (accessLogs.enabled ?? false),
        "access_logs.s3.bucket": accessLogs?.bucket,
        "access_logs.s3.prefix": accessLogs?.prefix,
        "connection_logs.s3.enabled": connectionLogs && (connectionLogs.enabled ?? false),
        "connection_logs.s3.bucket": connectionLogs?.bucket,
        "connection_logs.s3.prefix": connectionLogs?.prefix,
        "client_keep_alive.seconds": inputs.clientKeepAlive,
        "deletion_protection.enabled": inputs.enableDeletionProtection,
        "idle_timeout.timeout_seconds": inputs.idleTimeout,
        "load_balancing.cross_zone.enabled": inputs.enableCrossZoneLoadBalancing,
        "routing.http.desync_mitigation_mode": inputs.desyncMitigationMode,
        "routing.http.drop_invalid_header_fields.enabled": inputs.dropInvalidHeaderFields,
        "routing.http.preserve_host_header.enabled": inputs.preserveHostHeader,
        "routing.http.xff_client_port.enabled": inputs.enableXffClientPort,
        "routing.http.xff_header_processing.mode": inputs.xffHeaderProcessingMode,
        "routing.http2.enabled": inputs.enableHttp2,
    });
    await aws.elb.modifyLoadBalancerAttributes({ LoadBalancerArn, Attributes });
}

async function setTargetGroupAttributes(
    aws: Aws,
    TargetGroupArn: string,
    inputs: Inputs<TargetGroupArgs>,
): Promise<void> {
    const { stickiness } = inputs;
    const cookie = stickiness?.type === "app_cookie" ? "app_cookie" : "lb_cookie";
    const Attributes = attributes({
        "deregistration_delay.timeout_seconds": inputs.deregistrationDelay,
        "deregistration_delay.connection_termination.enabled": inputs.connectionTermination,
        "load_balancing.algorithm.type": inputs.loadBalancingAlgorithmType,
        "load_balancing.algorithm.anomaly_mitigation": inputs.loadBalancingAnomalyMitigation,
        "load_balancing.cross_zone.enabled": inputs.loadBalancingCrossZoneEnabled,
        "preserve_client_ip.enabled": inputs.preserveClientIp,
        "proxy_protocol_v2.enabled": inputs.proxyProtocolV2,
        "slow_start.duration_seconds": inputs.slowStart,
        "stickiness.enabled": stickiness && (stickiness.enabled ?? true),
        "stickiness.type": stickiness?.type,
        [`stickiness.${cookie}.duration_seconds`]: stickiness?.cookieDuration,
        "stickiness.app_cookie.cookie_name": stickiness?.cookieName,
    });
    if (Attributes.length > 0) {
        await aws.elb.modifyTargetGroupAttributes({ TargetGroupArn, Attributes });
    }
}

/** routingHttpResponseServerEnabled is routing.http.response.server.enabled, and so on. */
async function setListenerAttributes(aws: Aws, ListenerArn: string, inputs: Inputs<ListenerArgs>): Promise<void> {
    const routing = Object.entries(inputs).flatMap(([property, value]) => {
        const [, side, what, kind] =
            /^routingHttp(Request|Response)(.*?)(HeaderName|HeaderValue|Enabled)$/.exec(property) ?? [];
        return side ? [[["routing.http", side, what, kind].map(snakeCase).join("."), value as string] as const] : [];
    });
    const Attributes = attributes({
        ...Object.fromEntries(routing),
        "tcp.idle_timeout.seconds": inputs.tcpIdleTimeoutSeconds,
    });
    if (Attributes.length > 0) {
        await aws.elb.modifyListenerAttributes({ ListenerArn, Attributes });
    }
}

function snakeCase(text: string): string {
    return text.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, "_").toLowerCase();
}

function healthCheck(inputs: Inputs<TargetGroupArgs>) {
    const check = inputs.healthCheck;
    return (
        check && {
            HealthCheckEnabled: check.enabled ?? true,
            HealthCheckIntervalSeconds: check.interval,
            HealthCheckPath: check.path,
            HealthCheckPort: check.port,
            HealthCheckProtocol: check.protocol as "HTTP" | undefined,
            HealthCheckTimeoutSeconds: check.timeout,
            HealthyThresholdCount: check.healthyThreshold,
            UnhealthyThresholdCount: check.unhealthyThreshold,
            Matcher: check.matcher === undefined ? undefined : matcher(inputs.protocolVersion, check.matcher),
        }
    );
}

function matcher(protocolVersion: string | undefined, codes: string) {
    return protocolVersion === "GRPC" ? { GrpcCode: codes } : { HttpCode: codes };
}

function listener(inputs: Inputs<ListenerArgs>) {
    const settings: Omit<CreateListenerCommandInput, "LoadBalancerArn"> = {
        Port: inputs.port,
        Protocol: inputs.protocol as "HTTPS" | undefined,
        SslPolicy: inputs.sslPolicy,
        AlpnPolicy: inputs.alpnPolicy === undefined ? undefined : [inputs.alpnPolicy],
        Certificates: inputs.certificateArn === undefined ? undefined : [{ CertificateArn: inputs.certificateArn }],
        DefaultActions: inputs.defaultActions.map(action),
        MutualAuthentication: pascalKeys(
            inputs.mutualAuthentication,
        ) as CreateListenerCommandInput["MutualAuthentication"],
    };
    return settings;
}

type ActionInput = Inputs<ListenerRuleArgs>["actions"][number] & Inputs<ListenerArgs>["defaultActions"][number];

function action(given: Partial<ActionInput>, index: number): Action {
    const { forward, authenticateOidc: oidc, authenticateCognito: cognito } = given;
    return {
        Type: given.type as "forward",
        Order: given.order ?? index + 1,
        TargetGroupArn: given.targetGroupArn,
        ForwardConfig: forward && {
            TargetGroups: forward.targetGroups?.map(({ arn, weight }) => ({
                TargetGroupArn: arn,
                Weight: weight ?? 1,
            })),
            TargetGroupStickinessConfig: forward.stickiness && {
                Enabled: forward.stickiness.enabled ?? false,
                DurationSeconds: forward.stickiness.duration,
            },
        },
        RedirectConfig: pascalKeys(given.redirect) as Action["RedirectConfig"],
        FixedResponseConfig: pascalKeys(given.fixedResponse) as Action["FixedResponseConfig"],
        JwtValidationConfig: pascalKeys(given.jwtValidation) as Action["JwtValidationConfig"],
        AuthenticateOidcConfig: oidc && {
            ...(pascalKeys(oidc) as NonNullable<Action["AuthenticateOidcConfig"]>),
            AuthenticationRequestExtraParams: oidc.authenticationRequestExtraParams,
        },
        AuthenticateCognitoConfig: cognito && {
            ...(pascalKeys(cognito) as NonNullable<Action["AuthenticateCognitoConfig"]>),
            AuthenticationRequestExtraParams: cognito.authenticationRequestExtraParams,
        },
    };
}

function condition(given: Inputs<ListenerRuleArgs>["conditions"][number]): RuleCondition {
    if (given.hostHeader) {
        return { Field: "host-header", HostHeaderConfig: { Values: given.hostHeader.values } };
    }
    if (given.pathPattern) {
        return { Field: "path-pattern", PathPatternConfig: { Values: given.pathPattern.values } };
    }
    if (given.httpHeader) {
        const { httpHeaderName, values } = given.httpHeader;
        return { Field: "http-header", HttpHeaderConfig: { HttpHeaderName: httpHeaderName, Values: values } };
    }
    if (given.httpRequestMethod) {
        return { Field: "http-request-method", HttpRequestMethodConfig: { Values: given.httpRequestMethod.values } };
    }
    if (given.queryStrings) {
        const Values = given.queryStrings.map(({ key, value }) => ({ Key: key, Value: value }));
        return { Field: "query-string", QueryStringConfig: { Values } };
    }
    return { Field: "source-ip", SourceIpConfig: { Values: given.sourceIp?.values } };
}

async function nextPriority(aws: Aws, ListenerArn: string): Promise<number> {
    const { Rules = [] } = await aws.elb.describeRules({ ListenerArn });
    return 1 + Math.max(0, ...Rules.map(({ Priority }) => Number(Priority)).filter(Number.isFinite));
}
