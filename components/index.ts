// What the package offers: the components, their arguments and the words those take.
export { Cluster, type ClusterArgs, ContainerInsights } from "./cluster";
export {
    AccessLog,
    type AppArgs,
    type Authentication,
    type ContainerHealthCheck,
    CpuArchitecture,
    EnvoyTask,
    type EnvoyTaskArgs,
    type ImageBuild,
    Rotation,
} from "./envoyTask";
export {
    type Autoscaling,
    CapacityProvider,
    ClientAddress,
    type CognitoSignIn,
    Failover,
    type JwtValidation,
    type LatencyRouting,
    LoadBalancedService,
    type LoadBalancedServiceArgs,
    LoadBalancerType,
    type OidcSignIn,
    type Routing,
    type RoutingHealthCheck,
    type ScheduledTasks,
    type ServiceAlarms,
    type ServiceConnect,
    ServiceConnectProtocol,
    type TargetHealth,
    Tls,
} from "./loadBalancedService";
export { Endpoint, NatGateways, Network, type NetworkArgs } from "./network";
export { OwnedService, ownerPolicy, type OwnerPolicyArgs } from "./ownerPolicy";
export { FindingSeverity, type MaintenanceWindow, type PatchBaseline, Patching, type PatchingArgs } from "./patching";
export { PrivateService, type PrivateServiceArgs } from "./privateService";
export { Sessions, type SessionsArgs } from "./sessions";
export { OrphanRecords, PublishAt, TaskDns, type TaskDnsArgs } from "./taskDns";
export { TaskPlatform, type TaskPlatformArgs } from "./taskPlatform";
export { TraefikGateway, type TraefikGatewayArgs, traefikLabels, type TraefikRoute } from "./traefikGateway";
export {
    type AcmeExternalAccount,
    type CertificateArgs,
    type ChallengeDelegation,
    KeyType,
    RsaKeyType,
    WildcardCertificate,
    type WildcardCertificateArgs,
} from "./wildcardCertificate";
