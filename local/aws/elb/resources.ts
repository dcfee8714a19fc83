import type { Action, CreateListenerCommandInput, RuleCondition } from "@aws-sdk/client-elastic-load-balancing-v2";
import type { ListenerArgs, ListenerState } from "@pulumi/aws/lb/listener";
import type { ListenerCertificateArgs, ListenerCertificateState } from "@pulumi/aws/lb/listenerCertificate";
import type { ListenerRuleArgs, ListenerRuleState } from "@pulumi/aws/lb/listenerRule";
import type { LoadBalancerArgs, LoadBalancerState } from "@pulumi/aws/lb/loadBalancer";
import type { TargetGroupArgs, TargetGroupState } from "@pulumi/aws/lb/targetGroup";
import {
    adapter,
    type Adapters,
    changeTags,
    Gone,
    type Inputs,
    service,
    tagList,
    tagsAll,
    tagsOrNone,
    unlessSame,
} from "../resources/adapter";
import { patiently } from "../resources/patience";
import type { Aws } from "../resources/sdk";
import { camelKeys, pascalKeys, plain, saysTheSame, within } from "../resources/values";

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
            const { LoadBalancers = [] } = await aws.elb.describeLoadBalancers({ LoadBalancerArns: [id] });
            expectOne(LoadBalancers);
            const { Attributes } = await aws.elb.describeLoadBalancerAttributes({ LoadBalancerArn: id });
            const [found, set] = [LoadBalancers[0], byKey(Attributes)];
            return {
                ...readBy(loadBalancerAttributes, set),
                ...{ accessLogs: logsIn(set, "access_logs"), connectionLogs: logsIn(set, "connection_logs") },
                ...{ ipAddressType: found.IpAddressType, securityGroups: found.SecurityGroups },
                subnets: found.AvailabilityZones?.map(({ SubnetId }) => SubnetId),
                ...(await tagsOf(aws, id)),
            };
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
        async read(aws, { id, inputs }) {
            const { TargetGroups = [] } = await aws.elb.describeTargetGroups({ TargetGroupArns: [id] });
            expectOne(TargetGroups);
            const { Attributes } = await aws.elb.describeTargetGroupAttributes({ TargetGroupArn: id });
            const [found, set] = [TargetGroups[0], byKey(Attributes)];
            const check = {
                enabled: found.HealthCheckEnabled,
                interval: found.HealthCheckIntervalSeconds,
                path: found.HealthCheckPath,
                port: found.HealthCheckPort,
                protocol: found.HealthCheckProtocol,
                timeout: found.HealthCheckTimeoutSeconds,
                healthyThreshold: found.HealthyThresholdCount,
                unhealthyThreshold: found.UnhealthyThresholdCount,
                matcher: found.Matcher?.HttpCode ?? found.Matcher?.GrpcCode,
            };
            const stickiness = {
                ...{ enabled: "stickiness.enabled", type: "stickiness.type" },
                ...{ cookieDuration: cookieDuration(inputs), cookieName: "stickiness.app_cookie.cookie_name" },
            };
            return {
                ...readBy(targetGroupAttributes, set),
                healthCheck: within(check, inputs.healthCheck),
                stickiness: within(readBy(stickiness, set), inputs.stickiness),
                ...(await tagsOf(aws, id)),
            };
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
        async read(aws, { id, inputs }) {
            const { Listeners = [] } = await aws.elb.describeListeners({ ListenerArns: [id] });
            expectOne(Listeners);
            const { Attributes } = await aws.elb.describeListenerAttributes({ ListenerArn: id });
            const [found, sent] = [Listeners[0], listener(inputs)];
            const mutual = [found.MutualAuthentication, sent.MutualAuthentication] as const;
            return {
                ...readBy(listenerAttributes(inputs), byKey(Attributes)),
                ...{ port: found.Port, protocol: found.Protocol, sslPolicy: found.SslPolicy },
                ...{ alpnPolicy: found.AlpnPolicy?.[0], certificateArn: found.Certificates?.[0]?.CertificateArn },
                ...unlessSame("mutualAuthentication", within(...mutual), mutual[1]),
                ...actionsUnlessSame("defaultActions", found.DefaultActions, sent.DefaultActions),
                ...(await tagsOf(aws, id)),
            };
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
        async read(aws, { id, inputs }) {
            const { Rules = [] } = await aws.elb.describeRules({ RuleArns: [id] });
            expectOne(Rules);
            const conditions = inputs.conditions.map(condition);
            return {
                priority: plain(Rules[0].Priority),
                ...unlessSame("conditions", within(Rules[0].Conditions, conditions), conditions),
                ...actionsUnlessSame("actions", Rules[0].Actions, inputs.actions.map(action)),
                ...(await tagsOf(aws, id)),
            };
        },
    }),
    "lb/listenerCertificate:ListenerCertificate": adapter<ListenerCertificateArgs, ListenerCertificateState>({
        gone,
        async create(aws, inputs) {
            await aws.elb.addListenerCertificates(listenerCertificate(inputs));
            return { id: `${inputs.listenerArn}_${inputs.certificateArn}` };
        },
        delete: (aws, { inputs }) => aws.elb.removeListenerCertificates(listenerCertificate(inputs)),
        async read(aws, { inputs }) {
            let Marker: string | undefined;
            do {
                const page = await aws.elb.describeListenerCertificates({ ListenerArn: inputs.listenerArn, Marker });
                if (page.Certificates?.some(({ CertificateArn }) => CertificateArn === inputs.certificateArn)) {
                    return;
                }
                Marker = page.NextMarker;
            } while (Marker !== undefined);
            throw new Gone(`The listener ${inputs.listenerArn} has no certificate ${inputs.certificateArn}.`);
        },
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

async function tagsOf(aws: Aws, id: string): Promise<object> {
    const { TagDescriptions = [] } = await aws.elb.describeTags({ ResourceArns: [id] });
    return tagsAll(TagDescriptions[0]?.Tags);
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

/** Arguments, as ELB calls the attributes they set. */
const loadBalancerAttributes: Readonly<Partial<Record<keyof LoadBalancerArgs, string>>> = {
    clientKeepAlive: "client_keep_alive.seconds",
    desyncMitigationMode: "routing.http.desync_mitigation_mode",
    dropInvalidHeaderFields: "routing.http.drop_invalid_header_fields.enabled",
    enableCrossZoneLoadBalancing: "load_balancing.cross_zone.enabled",
    enableDeletionProtection: "deletion_protection.enabled",
    enableHttp2: "routing.http2.enabled",
    enableXffClientPort: "routing.http.xff_client_port.enabled",
    idleTimeout: "idle_timeout.timeout_seconds",
    preserveHostHeader: "routing.http.preserve_host_header.enabled",
    xffHeaderProcessingMode: "routing.http.xff_header_processing.mode",
};

const targetGroupAttributes: Readonly<Partial<Record<keyof TargetGroupArgs, string>>> = {
    connectionTermination: "deregistration_delay.connection_termination.enabled",
    deregistrationDelay: "deregistration_delay.timeout_seconds",
    loadBalancingAlgorithmType: "load_balancing.algorithm.type",
    loadBalancingAnomalyMitigation: "load_balancing.algorithm.anomaly_mitigation",
    loadBalancingCrossZoneEnabled: "load_balancing.cross_zone.enabled",
    preserveClientIp: "preserve_client_ip.enabled",
    proxyProtocolV2: "proxy_protocol_v2.enabled",
    slowStart: "slow_start.duration_seconds",
};

type Names = Readonly<Record<string, string>>;

/** By ELB's names, what the arguments say. */
function namedBy(names: Names, inputs: object): Readonly<Record<string, string | undefined>> {
    return Object.fromEntries(
        Object.entries(names).map(([property, name]) => [name, (inputs as Readonly<Record<string, string>>)[property]]),
    );
}

/** By the arguments' names, what ELB says. */
function readBy(names: Names, found: Names): object {
    return Object.fromEntries(Object.entries(names).map(([property, name]) => [property, plain(found[name])]));
}

function byKey(list: readonly { readonly Key?: string; readonly Value?: string }[] = []): Names {
    return Object.fromEntries(list.map(({ Key = "", Value = "" }) => [Key, Value]));
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
        ...namedBy(loadBalancerAttributes, inputs),
    });
    await aws.elb.modifyLoadBalancerAttributes({ LoadBalancerArn, Attributes });
}

function logsIn(found: Names, kind: "access_logs" | "connection_logs"): object {
    const names = { enabled: `${kind}.s3.enabled`, bucket: `${kind}.s3.bucket`, prefix: `${kind}.s3.prefix` };
    return readBy(names, found);
}

async function setTargetGroupAttributes(
    aws: Aws,
    TargetGroupArn: string,
    inputs: Inputs<TargetGroupArgs>,
): Promise<void> {
    const { stickiness } = inputs;
    const Attributes = attributes({
        ...namedBy(targetGroupAttributes, inputs),
        "stickiness.enabled": stickiness && (stickiness.enabled ?? true),
        "stickiness.type": stickiness?.type,
        [cookieDuration(inputs)]: stickiness?.cookieDuration,
        "stickiness.app_cookie.cookie_name": stickiness?.cookieName,
    });
    if (Attributes.length > 0) {
        await aws.elb.modifyTargetGroupAttributes({ TargetGroupArn, Attributes });
    }
}

function cookieDuration({ stickiness }: Inputs<TargetGroupArgs>): string {
    return `stickiness.${stickiness?.type === "app_cookie" ? "app_cookie" : "lb_cookie"}.duration_seconds`;
}

async function setListenerAttributes(aws: Aws, ListenerArn: string, inputs: Inputs<ListenerArgs>): Promise<void> {
    const Attributes = attributes(namedBy(listenerAttributes(inputs), inputs));
    if (Attributes.length > 0) {
        await aws.elb.modifyListenerAttributes({ ListenerArn, Attributes });
    }
}

/** Those that are given: routingHttpResponseServerEnabled is routing.http.response.server.enabled, and so on. */
function listenerAttributes(inputs: Inputs<ListenerArgs>): Names {
    const routing = Object.keys(inputs).flatMap((property) => {
        const [, side, what, kind] =
            /^routingHttp(Request|Response)(.*?)(HeaderName|HeaderValue|Enabled)$/.exec(property) ?? [];
        return side ? [[property, ["routing.http", side, what, kind].map(snakeCase).join(".")] as const] : [];
    });
    return { ...Object.fromEntries(routing), tcpIdleTimeoutSeconds: "tcp.idle_timeout.seconds" };
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

/** ELB says one target group in both ways that it takes, fills in much, and keeps a client's secret to itself. */
function actionsUnlessSame(property: "actions" | "defaultActions", read: Action[] = [], sent: Action[] = []): object {
    function comparable({ TargetGroupArn, ForwardConfig, AuthenticateOidcConfig: oidc, ...rest }: Action): object {
        const groups = ForwardConfig?.TargetGroups ?? (TargetGroupArn === undefined ? [] : [{ TargetGroupArn }]);
        return {
            ...{ ...rest, AuthenticateOidcConfig: oidc && { ...oidc, ClientSecret: undefined } },
            TargetGroups: groups.map(({ Weight = 1, ...group }) => ({ ...group, Weight })),
            Stickiness: ForwardConfig?.TargetGroupStickinessConfig,
        };
    }
    const [found, ours] = [read.map(comparable), sent.map(comparable)];
    return saysTheSame(within(found, ours), ours) ? {} : { [property]: camelKeys(read) };
}

async function nextPriority(aws: Aws, ListenerArn: string): Promise<number> {
    const { Rules = [] } = await aws.elb.describeRules({ ListenerArn });
    return 1 + Math.max(0, ...Rules.map(({ Priority }) => Number(Priority)).filter(Number.isFinite));
}
