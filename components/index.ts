// What the package offers: the components, their arguments and the words those take.
export { Cluster, type ClusterArgs, ContainerInsights } from "./cluster";
export {
    AccessLog,
    type AppArgs,
    type ContainerHealthCheckArgs,
    CpuArchitecture,
    EnvoyTask,
    type EnvoyTaskArgs,
    type ImageBuildArgs,
} from "./envoyTask";
export {
    type AutoscalingArgs,
    CapacityProvider,
    ClientAddress,
    type CognitoSignInArgs,
    type JwtValidationArgs,
    LoadBalancedService,
    type LoadBalancedServiceArgs,
    LoadBalancerType,
    type OidcSignInArgs,
    type ScheduledTasksArgs,
    type ServiceAlarmsArgs,
    type TargetHealthArgs,
    Tls,
} from "./loadBalancedService";
export { NatGateways, Network, type NetworkArgs } from "./network";
export { TaskDns, type TaskDnsArgs } from "./taskDns";
export { TaskPlatform, type TaskPlatformArgs } from "./taskPlatform";
export { TraefikGateway, type TraefikGatewayArgs, traefikLabels, type TraefikRoute } from "./traefikGateway";
export { KeyType, WildcardCertificate, type WildcardCertificateArgs } from "./wildcardCertificate";
