import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { globalAgent } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
    GetObjectCommand,
    CreateBucketCommand,
    PutObjectCommand,
    ListObjectsV2Command,
    S3Client,
} from "@aws-sdk/client-s3";
import {
    CreateSecretCommand,
    GetSecretValueCommand,
    PutSecretValueCommand,
    SecretsManagerClient,
} from "@aws-sdk/client-secrets-manager";
import { CreateTopicCommand, SNSClient, SubscribeCommand } from "@aws-sdk/client-sns";
import {
    CreateQueueCommand,
    DeleteMessageCommand,
    GetQueueAttributesCommand,
    ReceiveMessageCommand,
    SQSClient,
} from "@aws-sdk/client-sqs";
import { GetParameterCommand, ParameterNotFound, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { readPendingOrder, type PendingOrder } from "../../handlers/certificate/pendingOrder";
import { readState, type RenewalState } from "../../handlers/certificate/state";
import { startEmulator } from "../../local/aws/gateway/emulator";
import { startPebble, type Pebble, type PebbleOptions } from "../../local/internet/authorities/pebble";
import { startDnsServer } from "../../local/internet/dns/server";
import { createProcesses } from "../../local/machine/processes";
import { projectRoot } from "../../local/machine/projectRoot";
import { awsEnvironment, setEnvironment, startFakeAws, type FakeAws } from "./fakeAws";
import { startTap, type Tap } from "./tap";
import { createFakeRoute53, type FakeRoute53, type FakeRoute53Options } from "./fakeRoute53";

// What renewCertificate works with: a real ACME server that looks names up in a fake Route 53, and MiniStack for the other services.

const ZONE_NAME = "example.test";
const ACCOUNT_ID = "111122223333";

export interface CertificateWorld {
    readonly pebble: Pebble;
    /** The authority's, by way of `caTap`. */
    readonly directoryUrl: string;
    /** What another process is to trust (NODE_EXTRA_CA_CERTS). */
    readonly tlsCaFile: string;
    /** Made anew by each `prepare`. */
    route53: FakeRoute53;
    readonly route53Aws: FakeAws;
    /** On the way to the authority. */
    readonly caTap: Tap;
    /** On the way to the other services of AWS. */
    readonly awsTap: Tap;
    /** False: the name servers do not show what is in the zone. */
    resolving: boolean;
    /** A bucket, a secret without a value, a topic, and a function's environment of its own, with these changes to it. */
    prepare(environment?: Readonly<Record<string, string>>, zone?: Partial<FakeRoute53Options>): Promise<void>;
    /** The function's environment, in force until `tidy`. */
    environment: Readonly<Record<string, string | undefined>>;
    secret(): Promise<Record<string, unknown> | undefined>;
    /** Puts another value, as a person would. */
    putSecret(value: string): Promise<void>;
    /** What a run leaves to the next. */
    state(): Promise<RenewalState>;
    /** Changes it, as a run that ended in other circumstances would have left it. */
    changeState(changes: RenewalState): Promise<void>;
    /** The order under way. */
    order(): Promise<PendingOrder | undefined>;
    /** The text of each object in the bucket but the state. */
    objects(): Promise<Record<string, string>>;
    /** Makes a bucket for sealed copies; what is in it, by name. */
    sealedBucket(): Promise<{ readonly name: string; objects(): Promise<Record<string, string>> }>;
    /** The notices since the last call, as subject and message. */
    notices(): Promise<{ readonly Subject: string; readonly Message: string }[]>;
    parameter(): Promise<{ readonly Type?: string; readonly Value?: string } | undefined>;
    putParameter(value: string): Promise<void>;
    /** Puts a text into a parameter or a secret of its own, whose ARN it gives. */
    keep(kind: "parameter" | "secret", text: string): Promise<string>;
    /** Undoes `prepare`; what was made in the emulator can still be looked at. */
    tidy(): void;
    stop(): Promise<void>;
}

export async function startCertificateWorld(options: Partial<PebbleOptions> = {}): Promise<CertificateWorld> {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    const processes = createProcesses(directory);
    const emulator = await startEmulator(processes, { root: projectRoot, accountId: ACCOUNT_ID });
    const endpoint = `http://127.0.0.1:${emulator.port}`;
    const config = {
        endpoint,
        region: "eu-west-1",
        credentials: { accessKeyId: ACCOUNT_ID, secretAccessKey: "test" },
    };
    const [s3, ssm] = [new S3Client({ ...config, forcePathStyle: true }), new SSMClient(config)];
    const [secretsManager, sns, sqs] = [new SecretsManagerClient(config), new SNSClient(config), new SQSClient(config)];
    const dns = await startDnsServer({
        zones: () => [world.resolving ? world.route53.published() : { name: `${ZONE_NAME}.`, sets: new Map() }],
    });
    const pebble = await startPebble(processes, { dnsPort: dns.port, directory, ...options });
    const ca = readFileSync(pebble.tlsCaFile, "utf8");
    const caTap = await startTap(pebble.directoryUrl, ca);
    const awsTap = await startTap(endpoint);
    globalAgent.options.ca = [ca, caTap.ca!];
    const tlsCaFile = join(directory, "tls-cas.pem");
    writeFileSync(tlsCaFile, [ca, caTap.ca].join("\n"));
    let prepared = 0;
    let bucketName = "";
    let secretArn = "";
    let parameterName = "";
    let queueUrl = "";
    let restore = () => {};

    async function objectsOf(Bucket: string): Promise<Record<string, string>> {
        const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
        const texts = Contents.filter(({ Key }) => Key !== "state.json").map(async ({ Key }) => {
            const object = await s3.send(new GetObjectCommand({ Bucket, Key }));
            return [Key!, await object.Body!.transformToString()] as const;
        });
        return Object.fromEntries(await Promise.all(texts));
    }

    const world: CertificateWorld = {
        pebble,
        directoryUrl: `${caTap.url}/dir`,
        tlsCaFile,
        route53: createFakeRoute53({ zoneId: "Z1", zoneName: ZONE_NAME }),
        route53Aws: await startFakeAws([{ service: "route53", answer: (request) => world.route53.answer(request) }]),
        caTap,
        awsTap,
        resolving: true,
        environment: {},
        async prepare(environment = {}, zone = {}) {
            restore(); // a test may prepare several times
            prepared++;
            bucketName = `certificates-${prepared}`;
            parameterName = `/certificates-${prepared}/account-key`;
            world.resolving = true;
            world.route53 = createFakeRoute53({ zoneId: "Z1", zoneName: ZONE_NAME, ...zone });
            for (const tap of [world.route53Aws, caTap, awsTap]) {
                delete tap.interfere;
                tap.requests.length = 0;
            }
            await s3.send(new CreateBucketCommand({ Bucket: bucketName }));
            secretArn = (await secretsManager.send(new CreateSecretCommand({ Name: `certificates-${prepared}` }))).ARN!;
            const topic = await sns.send(new CreateTopicCommand({ Name: `alerts-${prepared}` }));
            queueUrl = (await sqs.send(new CreateQueueCommand({ QueueName: `alerts-${prepared}` }))).QueueUrl!;
            const wanted = { QueueUrl: queueUrl, AttributeNames: ["QueueArn" as const] };
            const { Attributes } = await sqs.send(new GetQueueAttributesCommand(wanted));
            const subscription = { TopicArn: topic.TopicArn, Protocol: "sqs", Endpoint: Attributes!.QueueArn };
            await sns.send(new SubscribeCommand(subscription));
            world.environment = {
                ...awsEnvironment(awsTap.url),
                AWS_ENDPOINT_URL_ROUTE_53: world.route53Aws.url,
                ACME_DIRECTORY_URL: world.directoryUrl,
                ACME_EMAIL: "",
                CERTIFICATE_NAMES: JSON.stringify(["*.tasks.example.test", "tasks.example.test"]),
                KEY_TYPE: "P-256",
                HOSTED_ZONE_ID: "Z1",
                ACCOUNT_KEY_PARAMETER: parameterName,
                ORDER_PARAMETER: `/certificates-${prepared}/order`,
                BUCKET_NAME: bucketName,
                SECRET_ARN: secretArn,
                TOPIC_ARN: topic.TopicArn,
                ...environment,
            };
            restore = setEnvironment(world.environment);
        },
        async secret() {
            try {
                const { SecretString } = await secretsManager.send(new GetSecretValueCommand({ SecretId: secretArn }));
                return JSON.parse(SecretString!) as Record<string, unknown>;
            } catch {
                return undefined;
            }
        },
        objects: () => objectsOf(bucketName),
        async sealedBucket() {
            const name = `sealed-${prepared}`;
            await s3.send(new CreateBucketCommand({ Bucket: name }));
            return { name, objects: () => objectsOf(name) };
        },
        async putSecret(SecretString) {
            await secretsManager.send(new PutSecretValueCommand({ SecretId: secretArn, SecretString }));
        },
        async state() {
            return readState(bucketName, Date.now() + 10_000);
        },
        async changeState(changes) {
            const Body = JSON.stringify({ ...(await world.state()), ...changes });
            await s3.send(new PutObjectCommand({ Bucket: bucketName, Key: "state.json", Body }));
        },
        async order() {
            return readPendingOrder(world.environment.ORDER_PARAMETER!, Date.now() + 10_000);
        },
        async notices() {
            const received = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10 }));
            for (const { ReceiptHandle } of received.Messages ?? []) {
                await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
            }
            return (received.Messages ?? []).map(
                ({ Body }) => JSON.parse(Body!) as { Subject: string; Message: string },
            );
        },
        async parameter() {
            try {
                const command = new GetParameterCommand({ Name: parameterName, WithDecryption: true });
                return (await ssm.send(command)).Parameter;
            } catch (error) {
                if (error instanceof ParameterNotFound) {
                    return undefined;
                }
                throw error;
            }
        },
        async putParameter(Value) {
            await ssm.send(new PutParameterCommand({ Name: parameterName, Type: "SecureString", Value }));
        },
        async keep(kind, text) {
            const name = `kept-${prepared}`;
            if (kind === "secret") {
                const command = new CreateSecretCommand({ Name: name, SecretString: text });
                return (await secretsManager.send(command)).ARN!;
            }
            await ssm.send(new PutParameterCommand({ Name: `/${name}`, Type: "SecureString", Value: text }));
            return `arn:aws:ssm:eu-west-1:${ACCOUNT_ID}:parameter/${name}`;
        },
        tidy: () => restore(),
        async stop() {
            delete globalAgent.options.ca;
            [s3, ssm, secretsManager, sns, sqs].forEach((client) => client.destroy());
            await Promise.all([caTap.stop(), awsTap.stop()]);
            await processes.stop();
            await world.route53Aws.stop();
            await dns.stop();
            rmSync(directory, { recursive: true });
        },
    };
    return world;
}
