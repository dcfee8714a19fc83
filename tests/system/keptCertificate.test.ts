// Where a certificate and what belongs to it are kept, and what is left of them at the end.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { text } from "node:stream/consumers";

import {
    ACMClient,
    GetCertificateCommand,
    ImportCertificateCommand,
    ListCertificatesCommand,
} from "@aws-sdk/client-acm";
import { GetRolePolicyCommand, IAMClient, ListRolePoliciesCommand } from "@aws-sdk/client-iam";
import {
    GetFunctionConfigurationCommand,
    InvokeCommand,
    LambdaClient,
    ListFunctionsCommand,
} from "@aws-sdk/client-lambda";
import { GetBucketEncryptionCommand, S3Client } from "@aws-sdk/client-s3";
import { DescribeSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { DescribeParametersCommand, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { runSimulation } from "@cloud-copilot/iam-simulate";
import { expect } from "chai";

import { askRenewal } from "../../local/internet/caller";
import { createTlsCertificate } from "../../local/internet/authorities/tlsCertificate";
import type { Leftover } from "../../local/internet/leftovers";
import { clientConfig } from "../../local/machine/awsClients";
import { projectRoot } from "../../local/machine/projectRoot";
import type { SystemFile } from "../../local/machine/systemFile";
import { runOperation } from "../../local/pulumi/operation";
import { localConfig } from "../../local/pulumi/platforms";
import { taskgate } from "../support/commandLine";
import { localSystem } from "../support/localSystem";

interface Outputs {
    readonly secretArn: string;
    readonly bucketName: string;
    readonly functionName: string;
    readonly accountKeyParameterName: string;
    readonly certificateArn: string;
    readonly certificateArns: Readonly<Record<string, string>>;
}

const here = "eu-west-1";
const elsewhere = "us-east-1";

describe("a certificate under a key of one's own, in ACM in two regions, revoked at the end", () => {
    let system: SystemFile;
    let kmsKeyArn: string;
    let outputs: Outputs;
    let options: Parameters<typeof runOperation>[2];

    const config = (region = here) => clientConfig(system.gatewayUrl, { accountId: system.accountId, region });

    before(async () => {
        system = (await localSystem()).file;
        kmsKeyArn = `arn:aws:kms:${here}:${system.accountId}:key/12345678-1234-1234-1234-123456789012`;
        const domain = "own.tasks.example.test";
        options = {
            stack: "own",
            program: `${projectRoot}/tests/support/certificateProgram/index.ts`,
            config: { "aws:region": here, ...localConfig(system), domain, kmsKeyArn },
        };
        outputs = (await runOperation(system, "up", options)).outputs as unknown as Outputs;
    });

    async function delivered(): Promise<X509Certificate> {
        const secrets = new SecretsManagerClient(config());
        const { SecretString } = await secrets.send(new GetSecretValueCommand({ SecretId: outputs.secretArn }));
        return new X509Certificate((JSON.parse(SecretString!) as { certificateChain: string }).certificateChain);
    }

    async function serialInAcm(arn: string): Promise<string> {
        const acm = new ACMClient(config(arn.split(":")[3]));
        const { Certificate } = await acm.send(new GetCertificateCommand({ CertificateArn: arn }));
        return new X509Certificate(Certificate!).serialNumber;
    }

    /** Names in ACM that end with the domain. */
    async function namesInAcm(region: string): Promise<string[]> {
        const { CertificateSummaryList = [] } = await new ACMClient(config(region)).send(
            new ListCertificatesCommand({}),
        );
        return CertificateSummaryList.map(({ DomainName = "" }) => DomainName).filter((name) =>
            /own\.tasks/.test(name),
        );
    }

    /** How the authority knows it. */
    async function statusOf(serialNumber: string): Promise<string> {
        const { managementUrl, tlsCaFile } = system.acme;
        const url = `${managementUrl}/cert-status-by-serial/${serialNumber.toLowerCase()}`;
        const answer = await new Promise<string>((resolve, reject) => {
            const headers = { "user-agent": "test" };
            request(
                url,
                { ca: readFileSync(tlsCaFile), headers },
                (incoming) => void text(incoming).then(resolve, reject),
            )
                .once("error", reject)
                .end();
        });
        return (JSON.parse(answer) as { Status: string }).Status;
    }

    /** The secret's. */
    const named = (): string => /secret:(.+)-[^-]+$/.exec(outputs.secretArn)![1];

    async function leftovers(...words: string[]): Promise<Leftover[]> {
        const { code, stdout, stderr } = await taskgate(
            "--system",
            system.name,
            "leftovers",
            "--region",
            here,
            "--json",
            ...words,
        );
        expect([code, stderr]).to.deep.equal([0, ""]);
        return (JSON.parse(stdout) as Leftover[]).filter(
            ({ name }) => name.includes(named()) || name.includes(":acm:"),
        );
    }

    it("has secret, account key and history under that key", async () => {
        const secret = await new SecretsManagerClient(config()).send(
            new DescribeSecretCommand({ SecretId: outputs.secretArn }),
        );
        expect(secret.KmsKeyId).to.equal(kmsKeyArn);
        const ParameterFilters = [{ Key: "Name", Values: [outputs.accountKeyParameterName] }];
        const { Parameters = [] } = await new SSMClient(config()).send(
            new DescribeParametersCommand({ ParameterFilters }),
        );
        expect(Parameters.map(({ Type, KeyId }) => [Type, KeyId])).to.deep.equal([["SecureString", kmsKeyArn]]);
        const bucket = new S3Client({ ...config(), forcePathStyle: true });
        const { ServerSideEncryptionConfiguration: encryption } = await bucket.send(
            new GetBucketEncryptionCommand({ Bucket: outputs.bucketName }),
        );
        expect(encryption!.Rules![0].ApplyServerSideEncryptionByDefault).to.deep.equal({
            SSEAlgorithm: "aws:kms",
            KMSMasterKeyID: kmsKeyArn,
        });
    });

    it("is renewed by a function whose role may use the key by the services that keep what is under it, and not by itself", async () => {
        const { Role = "" } = await new LambdaClient(config()).send(
            new GetFunctionConfigurationCommand({ FunctionName: outputs.functionName }),
        );
        const RoleName = Role.slice(Role.lastIndexOf("/") + 1);
        const iam = new IAMClient(config(elsewhere));
        const { PolicyNames = [] } = await iam.send(new ListRolePoliciesCommand({ RoleName }));
        const identityPolicies = await Promise.all(
            PolicyNames.map(async (PolicyName) => {
                const { PolicyDocument = "" } = await iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
                return { name: PolicyName, policy: JSON.parse(decodeURIComponent(PolicyDocument)) as object };
            }),
        );
        // As the default policy of a key has it: the account's own policies decide.
        const keyPolicy = {
            Version: "2012-10-17",
            Statement: [
                {
                    Effect: "Allow",
                    Principal: { AWS: `arn:aws:iam::${system.accountId}:root` },
                    Action: "kms:*",
                    Resource: "*",
                },
            ],
        };
        const may = async (action: string, service: string | undefined): Promise<boolean> => {
            const result = await runSimulation(
                {
                    request: {
                        principal: Role,
                        action,
                        resource: { resource: kmsKeyArn, accountId: system.accountId },
                        contextVariables: {
                            "aws:PrincipalAccount": system.accountId,
                            ...(service && { "kms:ViaService": `${service}.${here}.amazonaws.com` }),
                        },
                    },
                    identityPolicies,
                    resourcePolicy: keyPolicy,
                    serviceControlPolicies: [],
                    resourceControlPolicies: [],
                },
                {},
            );
            expect(result.resultType).to.not.equal("error");
            return result.resultType !== "error" && result.overallResult === "Allowed";
        };
        // docs.aws.amazon.com/kms/latest/developerguide/services-secrets-manager.html, …/services-parameter-store.html, …/services-s3.html
        for (const [action, service, expected] of [
            ["kms:GenerateDataKey", "secretsmanager", true],
            ["kms:Decrypt", "secretsmanager", true],
            ["kms:Encrypt", "ssm", true],
            ["kms:Decrypt", "ssm", true],
            ["kms:GenerateDataKey", "s3", true],
            ["kms:Decrypt", "s3", true],
            ["kms:Decrypt", undefined, false],
            ["kms:Decrypt", "dynamodb", false],
            ["kms:ScheduleKeyDeletion", "ssm", false],
        ] as const) {
            expect([action, service, await may(action, service)]).to.deep.equal([action, service, expected]);
        }
    });

    it("is the same in both regions, and under the same ARNs after a renewal", async () => {
        const arns = [outputs.certificateArn, outputs.certificateArns[elsewhere]];
        expect(Object.keys(outputs.certificateArns)).to.deep.equal([elsewhere]);
        expect(arns.map((arn) => arn.split(":")[3])).to.deep.equal([here, elsewhere]);
        const { serialNumber } = await delivered();
        expect(await Promise.all(arns.map(serialInAcm))).to.deep.equal([serialNumber, serialNumber]);

        const lambda = new LambdaClient(config());
        const renewed = await askRenewal(lambda, outputs.functionName, { force: true });
        expect(renewed).to.include({ outcome: "renewed" });
        const FunctionName = outputs.functionName.replace("-renewal", "-import").replace(/-\w+$/, "");
        const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
        const importing = Functions.find((each) => each.FunctionName!.startsWith(FunctionName))!.FunctionName;
        await lambda.send(new InvokeCommand({ FunctionName: importing, Payload: Buffer.from("{}") }));
        expect(await Promise.all(arns.map(serialInAcm))).to.deep.equal([renewed.serialNumber, renewed.serialNumber]);
    });

    it("is revoked by a destroy, gone from both regions, and what is left is listed and taken away by one command", async () => {
        expect(await leftovers()).to.deep.equal([]);
        const { serialNumber } = await delivered();
        expect(await statusOf(serialNumber)).to.equal("Valid");

        await runOperation(system, "destroy", options);

        expect(await statusOf(serialNumber)).to.equal("Revoked");
        expect([await namesInAcm(here), await namesInAcm(elsewhere)]).to.deep.equal([[], []]);
        // As after an import that was cut off.
        const { certificate, ca, privateKey } = await createTlsCertificate("left.own.tasks.example.test");
        const { CertificateArn } = await new ACMClient(config(elsewhere)).send(
            new ImportCertificateCommand({
                Certificate: Buffer.from(certificate),
                CertificateChain: Buffer.from(ca),
                PrivateKey: Buffer.from(privateKey),
            }),
        );
        const parameter = `/taskgate/${named()}/acm-certificate`;
        const Value = JSON.stringify({ elsewhere: { [elsewhere]: { certificateArn: CertificateArn } } });
        await new SSMClient(config()).send(new PutParameterCommand({ Name: parameter, Value, Type: "String" }));

        const found = await leftovers();
        expect(found.map(({ kind, name }) => [kind, name])).to.have.deep.members([
            ["parameter", outputs.accountKeyParameterName],
            ["certificate", CertificateArn],
            ["parameter", parameter],
            ["secret", named()],
        ]);
        expect(found.find(({ kind }) => kind === "secret")!.goes).to.match(/^20/);
        const words = ["--system", system.name, "leftovers", "--region", here];
        expect((await taskgate(...words)).stdout).to.include(
            `  secret       ${named()}: TLS certificate and key of *.own.tasks.example.test; goes by itself at 20`,
        );
        expect(await leftovers("--remove")).to.deep.equal(found);
        expect(await leftovers()).to.deep.equal([]);
        expect(await namesInAcm(elsewhere)).to.deep.equal([]);
    });
});
