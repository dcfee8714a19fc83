import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import { join, resolve } from "node:path";
import { rootCertificates } from "node:tls";

import type { Task } from "@aws-sdk/client-ecs";
import { Route53, waitUntilResourceRecordSetsChanged } from "@aws-sdk/client-route-53";

import { acmOverlay } from "./aws/acm/overlay";
import { createHttpApis } from "./aws/apigatewayv2/httpApis";
import { ec2Overlay } from "./aws/ec2/overlay";
import { createEcr } from "./aws/ecr/overlay";
import type { Findings } from "./aws/ecr/overlay";
import { createEcs } from "./aws/ecs/overlay";
import type { EcsOptions } from "./aws/ecs/overlay";
import { createElastiCache } from "./aws/elasticache/overlay";
import { createLoadBalancing } from "./aws/elb/loadBalancing";
import { elbOverlay } from "./aws/elb/overlay";
import { createEvents } from "./aws/events/overlay";
import type { AnnouncedEvent } from "./aws/events/overlay";
import { startEmulator } from "./aws/gateway/emulator";
import { startGateway } from "./aws/gateway/gateway";
import type { GatewayWatch } from "./aws/gateway/gateway";
import { kinesisOverlay } from "./aws/kinesis/overlay";
import type { KinesisOptions } from "./aws/kinesis/overlay";
import { lambdaOverlay } from "./aws/lambda/overlay";
import { permissionsOverlay } from "./aws/permissions/report";
import { createPermissions } from "./aws/permissions/permissions";
import type { Permissions, PermissionsOptions } from "./aws/permissions/permissions";
import { rules } from "./aws/rules";
import { createRunner } from "./aws/lambda/runner";
import { route53Overlay } from "./aws/route53/overlay";
import type { Route53Options } from "./aws/route53/overlay";
import { schedulerOverlay } from "./aws/scheduler/overlay";
import { secretsManagerOverlay } from "./aws/secretsmanager/overlay";
import { createNamespaceReader } from "./aws/servicediscovery/namespaces";
import { snsOverlay } from "./aws/sns/overlay";
import { stsOverlay } from "./aws/sts/overlay";
import { startPebble, tlsCaFile } from "./internet/authorities/pebble";
import { createAuthority } from "./internet/authorities/tlsCertificate";
import { answerQuestion } from "./internet/dns/answer";
import { isBelowOrEqual, normalizeName, withoutDot } from "./internet/dns/records";
import type { ZoneContent } from "./internet/dns/records";
import { startDnsServer } from "./internet/dns/server";
import { startIdentityProvider } from "./internet/identityProvider";
import type { IdentityProvider } from "./internet/identityProvider";
import { clientConfig } from "./machine/awsClients";
import type { Scope } from "./machine/awsClients";
import { claimLoopbackBlock, portInBlock } from "./machine/loopback";
import { omit } from "./machine/omit";
import { createProcesses, freePort } from "./machine/processes";
import { home } from "./machine/projectRoot";
import { findSystemFile, removeSystemFile, writeSystemFile } from "./machine/systemFile";
import type { SystemFile } from "./machine/systemFile";
import { createCredentialReader } from "./tasks/credentials";
import type { Engine } from "./tasks/images/engine";
import { envoyBinary, type LocalApp } from "./tasks/images/images";
import { createImagePuller } from "./tasks/images/pull";
import { createNetworkInterfaces } from "./tasks/networkInterfaces";
import { createReach, outside } from "./tasks/reach";
import { createExecutionRoleCheck } from "./tasks/roles";
import type { TaskRoles } from "./tasks/roles";
import { createSecretReader } from "./tasks/secrets";
import { createIngressReader } from "./tasks/securityGroups";

export interface SystemOptions {
    /** Of the running copy; several with different names run side by side (default "default"). */
    readonly name?: string;
    /** Of the project: `.tools` and `.local` are in it (default: this one). */
    readonly root?: string;
    readonly onStep?: (text: string) => void;
    readonly route53?: Route53Options;
    readonly iam?: Pick<PermissionsOptions, "known">;
    readonly ecs?: Pick<EcsOptions, "provisioned" | "shown">;
    readonly kinesis?: KinesisOptions;
    /** What stands for the image that `--app` deploys. */
    readonly app?: LocalApp;
    /** What runs images that nothing here stands for; without it they are refused. */
    readonly engine?: Engine;
    /** Who looks on, and may disturb: the console. */
    readonly watch?: SystemWatch;
}

export interface SystemWatch extends GatewayWatch {
    /** Told of every change of a task; false = the event is lost. */
    taskChanged(scope: Scope, task: Task): boolean;
    /** Told of a change of its health, which is no event. */
    healthChanged(scope: Scope, task: Task): void;
}

export interface RunningSystem {
    readonly file: SystemFile;
    /** Who may do what, and what each has asked for. */
    readonly permissions: Permissions;
    /** Starts an OpenID provider at `https://<hostname>/`, a name below the system's domain; it ends with the system. */
    startIdentityProvider(hostname: string): Promise<IdentityProvider>;
    /** One at a loopback address, by plain HTTP: for the emulator and for functions, which know the machine's names and roots alone. */
    startPlainIdentityProvider(): Promise<IdentityProvider>;
    /** What Route 53 has published. */
    publishedZones(): readonly ZoneContent[];
    /** Sends a signal to one of its processes, called as its log is; false = none runs. */
    signal(name: string, signal: NodeJS.Signals): boolean;
    /** Cuts a region off from the internet, or gives it back: nobody gets an answer from its load balancers. Gives how many there are. */
    setReachable(region: string, isReachable: boolean): number;
    /** EventBridge delivers an event of AWS's own in a region, such as one of AWS Health. */
    announce(region: string, event: AnnouncedEvent): Promise<void>;
    /** What ECR's scans of an image find from now on. */
    setFindings(region: string, repositoryName: string, imageDigest: string, findings: Findings): void;
    /** Ends every task, function and server of it; gives how many processes are left all the same. */
    stop(): Promise<number>;
}

const accountId = "111122223333";
const domain = "tasks.example.test";

/** Starts AWS on this machine: the emulator, the gateway in front of it, DNS and a certificate authority. */
export async function startSystem(options: SystemOptions = {}): Promise<RunningSystem> {
    const { name = "default", onStep = () => undefined } = options;
    const root = resolve(options.root ?? home);
    const directory = join(root, ".local", name);
    const running = findSystemFile(directory);
    if (running) {
        throw new Error(
            `The local system "${name}" is running already, as process ${running.pid}: stop it, or choose another name.`,
        );
    }
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(join(directory, "logs"), { recursive: true });
    const log = (text: string) =>
        appendFileSync(join(directory, "logs", "gateway.log"), `${new Date().toISOString()} ${text}\n`);

    const processes = createProcesses(directory);
    const stops: (() => Promise<void>)[] = [];
    let left = 0;
    const stop = async () => {
        try {
            for (const step of stops.splice(0).reverse()) {
                await step();
            }
        } finally {
            removeSystemFile(directory);
            left = await processes.stop();
        }
        return left;
    };

    try {
        const block = await claimLoopbackBlock();
        stops.push(() => block.release());
        const gatewayPort = await freePort();
        const gatewayUrl = `http://127.0.0.1:${gatewayPort}`;

        const httpsPort = await portInBlock(block, 8443);
        const httpPort = await portInBlock(block, 8480);
        const ports: Readonly<Record<number, number>> = { 80: httpPort, 443: httpsPort };
        const localPort = (port: number) => ports[port] ?? port;
        const networkInterfaces = createNetworkInterfaces(block.number);
        const permissions = createPermissions({
            ...options.iam,
            tagsOf: (arn) => [
                ...ecs.tagsOf(arn),
                ...acm.tagsOf(arn).map(({ Key: key, Value: value }) => ({ key, value })),
            ],
            rolesOf: (scope, taskDefinition) => ecs.rolesOf(scope, taskDefinition),
        });
        const { identities } = permissions;
        const taskRoles: TaskRoles = { ...permissions, keyOfRole: identities.keyOfRole };
        const events = createEvents({ gatewayUrl, log, identities });
        const route53 = route53Overlay({
            isTargetHealthy: (dnsName) => loadBalancing.isHealthy(dnsName),
            locate: (endpoint, port) => {
                const [found] = isIPv4(endpoint) ? [endpoint] : addressesOf(endpoint);
                return found === undefined ? undefined : { host: found, port: localPort(port) };
            },
            ...options.route53,
        });
        stops.push(() => Promise.resolve(route53.stop()));
        const reach = createReach({
            gatewayUrl,
            network: `127.${block.number}.0.0/16`,
            membersOf: (scope, id) => [
                ...networkInterfaces
                    .list(scope)
                    .filter(({ securityGroupIds }) => securityGroupIds.includes(id))
                    .map(({ address, isAnonymous }) => (isAnonymous ? outside : `${address}/32`)),
                ...loadBalancing.addressesIn(scope, id).map((address) => `${address}/32`),
            ],
            log,
        });
        const readSecret = createSecretReader(gatewayUrl, taskRoles);
        const amazon = await createAuthority("taskgate local Amazon Trust Services");
        const amazonRootFile = join(directory, "amazon-root.pem");
        writeFileSync(amazonRootFile, amazon.ca);
        // What Node.js trusts on AWS by itself, and Pebble.
        const authoritiesFile = join(directory, "authorities.pem");
        const acm = acmOverlay({
            onChange: () => loadBalancing.certificateChanged(),
            isInUse: (arn) => loadBalancing.uses(arn),
            issue: async (names) => {
                const { certificate, privateKey } = await amazon.issue(names);
                return { chain: certificate, privateKey };
            },
            isPublished: ({ Name, Type, Value }) =>
                answerQuestion(route53.publishedZones(), Name, Type).answers.some(
                    ({ data }) => data === withoutDot(Value),
                ),
        });
        const loadBalancing = createLoadBalancing({
            root,
            processes,
            address: () => networkInterfaces.newAddress(),
            certificateOf: (arn) => acm.keyPairOf(arn),
            ports,
            jwks: () => ({
                isLocal: (hostname) => zones().some(({ name }) => isBelowOrEqual(normalizeName(hostname), name)),
                dnsPort: dns.port,
                trustedRootsFile,
            }),
            reach,
            log,
        });
        const httpApis = createHttpApis({
            emulatorPort: () => emulator.port,
            httpsPort,
            newAddress: () => networkInterfaces.newAddress(),
            issue: (hostname) => amazon.issue([hostname]),
            permissions,
        });
        stops.push(() => httpApis.stop());
        const zones = () => [...route53.publishedZones(), ...loadBalancing.zones(), ...httpApis.zones()];
        const addressesOf = (name: string) =>
            answerQuestion(zones(), name, "A").answers.flatMap(({ type, data }) =>
                type === "A" ? [String(data)] : [],
            );
        stops.push(() => loadBalancing.stop());
        const ecr = createEcr();
        const ecs = createEcs({
            ...options.ecs,
            pullImage: createImagePuller(gatewayUrl, root, options.app, options.engine),
            processes,
            networkInterfaces,
            loadBalancing,
            readSecret,
            readCredentials: createCredentialReader(gatewayUrl, taskRoles, authoritiesFile),
            checkExecutionRole: createExecutionRoleCheck(taskRoles),
            readIngress: createIngressReader(gatewayUrl),
            reach,
            envoy: () => envoyBinary(root),
            hasNamespace: createNamespaceReader(gatewayUrl),
            names: () => ({ dnsPort: dns.port, trustedRootsFile }),
            publish: (scope, task) => {
                if (options.watch?.taskChanged(scope, task) !== false) {
                    events.publish(scope, task);
                }
            },
            healthChanged: (scope, task) => options.watch?.healthChanged(scope, task),
            log,
        });
        const caches = createElastiCache({
            ...{ root, processes, permissions, log },
            newAddress: () => networkInterfaces.newAddress(),
            issue: (address) => amazon.issue([address], [address]),
            readIngress: createIngressReader(gatewayUrl),
        });
        stops.push(() => caches.stop());
        const runner = createRunner({
            ...{ gatewayUrl, directory, processes, permissions },
            caFile: authoritiesFile,
        });
        const lambda = lambdaOverlay(runner, permissions, (payload) => httpApis.delivered(payload));
        stops.push(() => lambda.stop()); // what reads streams waits for functions under way, which the runner ends
        stops.push(() => runner.stop());
        const overlays = [
            ecs.overlay,
            ecr.overlay,
            ec2Overlay(networkInterfaces, { uses: (id) => loadBalancing.uses(id) || caches.uses(id) }),
            caches.overlay,
            events.overlay,
            schedulerOverlay({ gatewayUrl, log, identities }),
            secretsManagerOverlay(),
            snsOverlay(permissions),
            stsOverlay(permissions),
            route53,
            kinesisOverlay(options.kinesis),
            lambda,
            acm,
            elbOverlay(loadBalancing),
            httpApis.overlay,
            permissionsOverlay(permissions),
        ];

        onStep("Starting DNS, the certificate authority and the AWS emulator");
        const dns = await startDnsServer({ zones, isHealthy: (set) => route53.isHealthy(set) });
        stops.push(() => dns.stop());
        const [emulator, pebble] = await Promise.all([
            startEmulator(processes, { root, accountId }),
            startPebble(processes, { dnsPort: dns.port, directory }),
        ]);
        writeFileSync(authoritiesFile, [amazon.ca, readFileSync(tlsCaFile(directory), "utf8")].join("\n"));
        const trustedRootsFile = join(directory, "trusted-roots.pem");
        const roots = [amazon.ca, readFileSync(pebble.rootFile, "utf8"), ...rootCertificates];
        writeFileSync(trustedRootsFile, roots.join("\n"));
        const gateway = await startGateway({
            port: gatewayPort,
            emulatorPort: emulator.port,
            accountId,
            overlays,
            rules,
            permissions,
            log,
            watch: {
                refusal: (request) => options.watch?.refusal(request),
                answered(request, response, milliseconds) {
                    if (request.service === "ec2" && /SecurityGroup(Ingress|Rules)$/.test(request.operation ?? "")) {
                        void reach.refresh(request);
                    }
                    options.watch?.answered(request, response, milliseconds);
                },
            },
        });
        stops.push(() => gateway.stop());
        stops.push(() => ecs.stop());
        stops.push(() => Promise.resolve(events.stop()));
        const client = new Route53(clientConfig(gatewayUrl, { accountId, region: "us-east-1" }));

        const file: SystemFile = {
            name,
            pid: process.pid,
            directory,
            accountId,
            gatewayUrl,
            dns: { address: "127.0.0.1", port: dns.port },
            acme: omit(pebble, "root", "stop"),
            amazonRootFile,
            httpsPort,
            httpPort,
            domain,
            hostedZoneId: await createHostedZone(client),
            runsImages: options.engine !== undefined,
        };
        writeSystemFile(file);
        onStep(`Ready: ${gatewayUrl}`);
        return {
            file,
            permissions,
            stop,
            publishedZones: () => route53.publishedZones(),
            signal: (name, what) => processes.signal(name, what),
            setReachable: (region, isReachable) =>
                loadBalancing
                    .processesIn({ accountId, region })
                    .filter((name) => processes.signal(name, isReachable ? "SIGCONT" : "SIGSTOP")).length,
            announce: (region, event) => events.announce({ accountId, region }, event),
            setFindings: (region, ...found) => ecr.setFindings({ accountId, region }, ...found),
            async startIdentityProvider(hostname) {
                const address = networkInterfaces.newAddress();
                const certificate = await amazon.issue([hostname]);
                const provider = await startIdentityProvider({
                    ...{ hostname, address, port: httpsPort, certificate, directory },
                });
                stops.push(() => provider.stop());
                await publishAddress(client, file.hostedZoneId, hostname, address);
                return provider;
            },
            async startPlainIdentityProvider() {
                const address = networkInterfaces.newAddress();
                const provider = await startIdentityProvider({ address, port: httpPort, directory });
                stops.push(() => provider.stop());
                return provider;
            },
        };
    } catch (error) {
        await stop();
        throw error;
    }
}

async function createHostedZone(client: Route53): Promise<string> {
    const { HostedZone } = await client.createHostedZone({ Name: domain, CallerReference: domain });
    return HostedZone!.Id!.replace("/hostedzone/", "");
}

/** Resolves when the name leads there. */
async function publishAddress(client: Route53, HostedZoneId: string, Name: string, Value: string): Promise<void> {
    const ResourceRecordSet = { Name, Type: "A" as const, TTL: 60, ResourceRecords: [{ Value }] };
    const { ChangeInfo } = await client.changeResourceRecordSets({
        HostedZoneId,
        ChangeBatch: { Changes: [{ Action: "UPSERT", ResourceRecordSet }] },
    });
    const waiter = { client, minDelay: 1, maxDelay: 1, maxWaitTime: 60 };
    await waitUntilResourceRecordSetsChanged(waiter, { Id: ChangeInfo!.Id });
}
