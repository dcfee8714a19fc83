import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { rootCertificates } from "node:tls";

import { Route53, waitUntilResourceRecordSetsChanged } from "@aws-sdk/client-route-53";

import { startPebble, tlsCaFile } from "./acme/pebble";
import { createAuthority } from "./acme/tlsCertificate";
import { clientConfig } from "./awsClients";
import { answerQuestion } from "./dns/answer";
import { isBelowOrEqual, normalizeName, withoutDot } from "./dns/records";
import { startDnsServer } from "./dns/server";
import { startEmulator } from "./emulator";
import { createLoadBalancing } from "./balancers/loadBalancing";
import { acmOverlay } from "./gateway/acm";
import { ec2Overlay } from "./gateway/ec2";
import { ecrOverlay } from "./gateway/ecr";
import { createEcs } from "./gateway/ecs";
import { elbOverlay } from "./gateway/elb";
import { createEvents } from "./gateway/events";
import { startGateway } from "./gateway/gateway";
import { lambdaOverlay } from "./gateway/lambda";
import { route53Overlay } from "./gateway/route53";
import type { Route53Options } from "./gateway/route53";
import { schedulerOverlay } from "./gateway/scheduler";
import { secretsManagerOverlay } from "./gateway/secretsManager";
import { startIdentityProvider } from "./identityProvider";
import type { IdentityProvider } from "./identityProvider";
import { createRunner } from "./lambda/runner";
import { claimLoopbackBlock, portInBlock } from "./loopback";
import { omit } from "./omit";
import { createProcesses, freePort } from "./processes";
import { findSystemFile, removeSystemFile, writeSystemFile } from "./systemFile";
import type { SystemFile } from "./systemFile";
import { createCredentialReader } from "./tasks/credentials";
import { createNetworkInterfaces } from "./tasks/networkInterfaces";
import { createImagePuller } from "./tasks/pull";
import { createSecretReader } from "./tasks/secrets";
import { createIngressReader } from "./tasks/securityGroups";

export interface SystemOptions {
    /** Of the running copy; several with different names run side by side (default "default"). */
    readonly name?: string;
    /** Of the project: `.tools` and `.local` are in it (default: this one). */
    readonly root?: string;
    readonly onStep?: (text: string) => void;
    readonly route53?: Route53Options;
}

export interface RunningSystem {
    readonly file: SystemFile;
    /** Starts an OpenID provider at `https://<hostname>/`, a name below the system's domain; it ends with the system. */
    startIdentityProvider(hostname: string): Promise<IdentityProvider>;
    /** Ends every task, function and server of it; gives how many processes are left all the same. */
    stop(): Promise<number>;
}

const accountId = "111122223333";
const domain = "tasks.example.test";

/** Starts AWS on this machine: the emulator, the gateway in front of it, DNS and a certificate authority. */
export async function startSystem(options: SystemOptions = {}): Promise<RunningSystem> {
    const { name = "default", onStep = () => undefined } = options;
    const root = resolve(options.root ?? join(__dirname, ".."));
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
        const networkInterfaces = createNetworkInterfaces(block.number);
        const events = createEvents({ gatewayUrl, log });
        const route53 = route53Overlay(options.route53);
        const readSecret = createSecretReader(gatewayUrl);
        const amazon = await createAuthority("taskgate local Amazon Trust Services");
        const amazonRootFile = join(directory, "amazon-root.pem");
        writeFileSync(amazonRootFile, amazon.ca);
        const acm = acmOverlay({
            onChange: () => loadBalancing.certificateChanged(),
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
            ports: { 80: httpPort, 443: httpsPort },
            jwks: () => ({
                isLocal: (hostname) => zones().some(({ name }) => isBelowOrEqual(normalizeName(hostname), name)),
                dnsPort: dns.port,
                trustedRootsFile,
            }),
            log,
        });
        const zones = () => [...route53.publishedZones(), ...loadBalancing.zones()];
        stops.push(() => loadBalancing.stop());
        const ecs = createEcs({
            pullImage: createImagePuller(gatewayUrl, root),
            processes,
            networkInterfaces,
            loadBalancing,
            readSecret,
            readCredentials: createCredentialReader(gatewayUrl),
            readIngress: createIngressReader(gatewayUrl),
            publish: events.publish,
            log,
        });
        const runner = createRunner({ gatewayUrl, directory, processes, caFile: tlsCaFile(directory) });
        stops.push(() => runner.stop());
        const overlays = [
            ecs.overlay,
            ecrOverlay(),
            ec2Overlay(networkInterfaces),
            events.overlay,
            schedulerOverlay({ gatewayUrl, log }),
            secretsManagerOverlay(),
            route53,
            lambdaOverlay(runner),
            acm,
            elbOverlay(loadBalancing),
        ];

        onStep("Starting DNS, the certificate authority and the AWS emulator");
        const dns = await startDnsServer({ zones });
        stops.push(() => dns.stop());
        const [emulator, pebble] = await Promise.all([
            startEmulator(processes, { root, accountId }),
            startPebble(processes, { dnsPort: dns.port, directory }),
        ]);
        const trustedRootsFile = join(directory, "trusted-roots.pem");
        const roots = [amazon.ca, readFileSync(pebble.rootFile, "utf8"), ...rootCertificates];
        writeFileSync(trustedRootsFile, roots.join("\n"));
        const gateway = await startGateway({
            port: gatewayPort,
            emulatorPort: emulator.port,
            accountId,
            overlays,
            log,
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
            acme: omit(pebble, "stop"),
            amazonRootFile,
            httpsPort,
            httpPort,
            domain,
            hostedZoneId: await createHostedZone(client),
        };
        writeSystemFile(file);
        onStep(`Ready: ${gatewayUrl}`);
        return {
            file,
            stop,
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
