import { rootCertificates } from "node:tls";

import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { readConfig, StackConfig } from "../../config";
import { record, valueOf } from "../support/mocks";
import { stackConfig } from "../support/stackConfig";

const domain = "tasks.example.com";

async function read(overrides: Record<string, unknown>): Promise<StackConfig> {
    const config = stackConfig("dev", { "taskgate:domain": domain, ...overrides });
    return (await record(readConfig, { stack: "dev", config })).result;
}

/** The lines of the one error, below its heading. */
async function faultsOf(overrides: Record<string, unknown>): Promise<string[]> {
    const error: unknown = await read(overrides).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(pulumi.RunError);
    const [heading, ...lines] = (error as pulumi.RunError).message.split("\n");
    const count = lines.length === 1 ? "a fault" : `${lines.length} faults`;
    expect(heading).to.equal(`The configuration of stack dev has ${count}; nothing was changed.`);
    return lines.map((line) => line.replace(/^ {2}/, ""));
}

describe("The stack's configuration", () => {
    const [root] = rootCertificates;

    it("needs a domain; all else has a default", async () => {
        expect(await read({})).to.deep.equal({
            domain,
            hostedZoneId: undefined,
            hostedZoneName: domain,
            regions: ["eu-west-1"],
            provider: {},
            platform: {
                acmeDirectory: "letsencrypt-staging",
                acmeRootCertificates: undefined,
                acmeEmail: undefined,
                acmeProfile: undefined,
                acmeProfileRequired: undefined,
                acmePreferredChain: undefined,
                acmeExternalAccount: undefined,
                challengeDelegation: undefined,
                notificationEmail: undefined,
                keyType: "P-256",
                rsaKeyType: undefined,
                image: "docker.io/traefik/whoami:v1.11.0",
                command: ["--port", "8080"],
                containerPort: 8080,
                healthCheckPath: undefined,
                cpu: 256,
                memory: 512,
                cpuArchitecture: "X86_64",
                desiredCount: undefined,
                httpsPort: 443,
                httpPort: 80,
                accessLog: "errors",
                rotation: "redeploy",
                recordTtl: 15,
                negativeTtl: undefined,
                caaIssuer: undefined,
                logRetentionDays: 30,
                containerInsights: "disabled",
                announceNames: undefined,
                dashboard: undefined,
                cidrBlock: "10.0.0.0/16",
                numberOfAvailabilityZones: 2,
                vpcId: undefined,
                subnetIds: undefined,
            },
        });
    });

    it("takes another value of each key", async () => {
        const given = {
            "aws:profile": "platform",
            "aws:assumeRoles": [{ roleArn: "arn:aws:iam::111122223333:role/deploy" }],
            "aws:allowedAccountIds": ["111122223333"],
            "taskgate:hostedZoneId": "Z123",
            "taskgate:hostedZoneName": "example.com",
            "taskgate:regions": ["eu-central-1"],
            "taskgate:acmeDirectory": "https://ca.example.com/dir",
            "taskgate:acmeRootCertificates": root,
            "taskgate:acmeEmail": "acme@example.com",
            "taskgate:acmeProfile": "shortlived",
            "taskgate:acmeProfileRequired": true,
            "taskgate:acmePreferredChain": "Root X2",
            "taskgate:acmeExternalAccountKeyId": "kid-1",
            "taskgate:acmeExternalAccountKeyArn": "arn:aws:ssm:eu-west-1:111122223333:parameter/hmac",
            "taskgate:challengeRecordName": "tasks.acme.example.net",
            "taskgate:challengeHostedZoneId": "/hostedzone/Z9",
            "taskgate:challengeRoleArn": "arn:aws:iam::444455556666:role/acme",
            "taskgate:notificationEmail": "ops@example.com",
            "taskgate:keyType": "P-384",
            "taskgate:rsaKeyType": "RSA-4096",
            "taskgate:image": "nginx",
            "taskgate:command": [],
            "taskgate:containerPort": 3000,
            "taskgate:healthCheckPath": "/health",
            "taskgate:cpu": 1024,
            "taskgate:memory": 2048,
            "taskgate:cpuArchitecture": "ARM64",
            "taskgate:desiredCount": 2,
            "taskgate:httpsPort": 8443,
            "taskgate:httpPort": 8080,
            "taskgate:accessLog": "all",
            "taskgate:rotation": "hot",
            "taskgate:recordTtl": 60,
            "taskgate:negativeTtl": 30,
            "taskgate:caaIssuer": "letsencrypt.org",
            "taskgate:logRetentionDays": 365,
            "taskgate:containerInsights": "enhanced",
            "taskgate:announceNames": true,
            "taskgate:dashboard": true,
            "taskgate:cidrBlock": "10.20.0.0/20",
            "taskgate:numberOfAvailabilityZones": 3,
            "taskgate:vpcId": "vpc-1",
            "taskgate:subnetIds": ["subnet-1", "subnet-2"],
        };
        expect(await read(given)).to.deep.equal({
            domain,
            hostedZoneId: "Z123",
            hostedZoneName: "example.com",
            regions: ["eu-central-1"],
            provider: {
                profile: "platform",
                assumeRoles: [{ roleArn: "arn:aws:iam::111122223333:role/deploy" }],
                allowedAccountIds: ["111122223333"],
            },
            platform: {
                acmeDirectory: "https://ca.example.com/dir",
                acmeRootCertificates: root,
                acmeEmail: "acme@example.com",
                acmeProfile: "shortlived",
                acmeProfileRequired: true,
                acmePreferredChain: "Root X2",
                acmeExternalAccount: {
                    keyId: "kid-1",
                    keyArn: "arn:aws:ssm:eu-west-1:111122223333:parameter/hmac",
                },
                challengeDelegation: {
                    recordName: "tasks.acme.example.net",
                    hostedZoneId: "Z9",
                    roleArn: "arn:aws:iam::444455556666:role/acme",
                },
                notificationEmail: "ops@example.com",
                keyType: "P-384",
                rsaKeyType: "RSA-4096",
                image: "nginx",
                command: undefined,
                containerPort: 3000,
                healthCheckPath: "/health",
                cpu: 1024,
                memory: 2048,
                cpuArchitecture: "ARM64",
                desiredCount: 2,
                httpsPort: 8443,
                httpPort: 8080,
                accessLog: "all",
                rotation: "hot",
                recordTtl: 60,
                negativeTtl: 30,
                caaIssuer: "letsencrypt.org",
                logRetentionDays: 365,
                containerInsights: "enhanced",
                announceNames: true,
                dashboard: true,
                cidrBlock: "10.20.0.0/20",
                numberOfAvailabilityZones: 3,
                vpcId: "vpc-1",
                subnetIds: ["subnet-1", "subnet-2"],
            },
        });
    });

    it("takes a domain and a zone in each form in which they are printed, and numbers in a command", async () => {
        const {
            domain: name,
            hostedZoneId,
            hostedZoneName,
            platform,
        } = await read({
            "taskgate:domain": "Tasks.Example.com.",
            "taskgate:hostedZoneId": "/hostedzone/Z123",
            "taskgate:hostedZoneName": "example.com.",
            "taskgate:command": ["--port", 8080, true],
        });
        expect([name, hostedZoneId, hostedZoneName]).to.deep.equal(["tasks.example.com", "Z123", "example.com"]);
        expect(platform.command).to.deep.equal(["--port", "8080", "true"]);
    });

    it("gives the provider all that is said about AWS", async () => {
        const { provider } = await read({
            "aws:accessKey": "AKIA",
            "aws:secretKey": "hush",
            "aws:httpsProxy": "http://me:hush@proxy:3128",
            "aws:defaultTags": { tags: { team: "red" } },
            "aws:forbiddenAccountIds": [111122223333],
            "aws:useFipsEndpoint": "true",
            "aws:maxRetries": 3,
            "aws:stsRegion": "eu-west-1",
        });
        const { accessKey, secretKey, httpsProxy, ...others } = provider;
        expect(others).to.deep.equal({
            defaultTags: { tags: { team: "red" } },
            forbiddenAccountIds: ["111122223333"],
            useFipsEndpoint: true,
            maxRetries: 3,
            stsRegion: "eu-west-1",
        });
        const secrets = [accessKey, secretKey, httpsProxy] as pulumi.Output<string>[];
        expect(await Promise.all(secrets.map((value) => pulumi.isSecret(value)))).to.deep.equal([true, true, true]);
        expect(await Promise.all(secrets.map(valueOf))).to.deep.equal(["AKIA", "hush", "http://me:hush@proxy:3128"]);
    });

    it("puts several regions in the given order, in the place of aws:region", async () => {
        const { regions } = await read({ "taskgate:regions": ["us-east-1", "eu-west-1"] });
        expect(regions).to.deep.equal(["us-east-1", "eu-west-1"]);
    });

    describe("is refused, with what was given, what is allowed and what to do, for", () => {
        const cases: [what: string, overrides: Record<string, unknown>, line: string][] = [
            [
                "no domain",
                { "taskgate:domain": "" },
                "taskgate:domain: is missing: pulumi config set taskgate:domain tasks.example.com",
            ],
            [
                "a domain with a scheme",
                { "taskgate:domain": "https://tasks.example.com" },
                'taskgate:domain: "https://tasks.example.com" is not a domain: leave out the scheme and the path, e.g. tasks.example.com',
            ],
            [
                "a wildcard",
                { "taskgate:domain": "*.tasks.example.com" },
                'taskgate:domain: "*.tasks.example.com" is not a domain: leave out the wildcard, taskgate puts it in front itself, e.g. tasks.example.com',
            ],
            [
                "a mistyped key",
                { "taskgate:notificationEmial": "ops@example.com" },
                "taskgate:notificationEmial: is not known: did you mean notificationEmail?",
            ],
            [
                "a mistyped key of AWS's provider",
                { "aws:assumeRole": { roleArn: "arn:aws:iam::111122223333:role/deploy" } },
                "aws:assumeRole: is not known: did you mean assumeRoles?",
            ],
            [
                "a flag of AWS's provider that is a word",
                { "aws:useFipsEndpoint": "yes" },
                "aws:useFipsEndpoint: yes is not true or false",
            ],
            [
                "accounts that are no list",
                { "aws:forbiddenAccountIds": "111122223333" },
                'aws:forbiddenAccountIds: 111122223333 is not a list of words, e.g. ["one", "two"]',
            ],
            [
                "tags that are no object",
                { "aws:defaultTags": "red" },
                'aws:defaultTags: red is not an object, e.g. {"key": "value"}',
            ],
            ["retries that are a word", { "aws:maxRetries": "many" }, "aws:maxRetries: many is not a number"],
            [
                "roles that are no list of objects",
                { "aws:assumeRoles": ["deploy"] },
                'aws:assumeRoles: ["deploy"] is not a list of objects, e.g. [{"key": "value"}]',
            ],
            [
                "a zone's name in the place of its id",
                { "taskgate:hostedZoneId": "example.com" },
                'taskgate:hostedZoneId: "example.com" is not the id of a hosted zone, e.g. Z0123456789ABCDEFGHIJ: aws route53 list-hosted-zones shows it',
            ],
            [
                "an image with a space",
                { "taskgate:image": "who ami" },
                'taskgate:image: "who ami" is not the name of an image: give registry/path:tag or registry/path@sha256:…, e.g. docker.io/traefik/whoami:v1.11',
            ],
            [
                "more labels than Let's Encrypt takes",
                { "taskgate:domain": "a.b.c.d.e.f.g.example.com" },
                "taskgate:acmeDirectory: *.eu-west-1.a.b.c.d.e.f.g.example.com has 11 labels: Let's Encrypt takes up to 10, give a domain with fewer",
            ],
            [
                "a subnet's name",
                { "taskgate:vpcId": "vpc-1", "taskgate:subnetIds": ["public"] },
                'taskgate:subnetIds: "public" is not the id of a subnet, e.g. subnet-0123456789abcdef0',
            ],
            [
                "a domain without room for <taskId>.<region>",
                { "taskgate:domain": `${"a.".repeat(100)}example.com` },
                `taskgate:domain: "${"a.".repeat(100)}example.com" is not a domain that leaves room for the name in front: it has 211 characters, 204 are allowed, give a shorter one`,
            ],
            [
                "a zone that does not hold the domain",
                { "taskgate:hostedZoneName": "ample.com" },
                'taskgate:hostedZoneName: "ample.com" does not hold tasks.example.com: give the zone of that domain or of one above it',
            ],
            [
                "no region",
                { "aws:region": undefined },
                "aws:region: is missing: pulumi config set aws:region eu-west-1",
            ],
            [
                "an unknown region",
                { "aws:region": "eu-west-9" },
                'aws:region: "eu-west-9" is not an AWS region, e.g. eu-west-1',
            ],
            [
                "an unknown region of several",
                { "taskgate:regions": ["eu-west-1", "Ireland"] },
                'taskgate:regions: "Ireland" is not an AWS region, e.g. eu-west-1',
            ],
            [
                "a region named twice",
                { "taskgate:regions": ["eu-west-1", "us-east-1", "eu-west-1"] },
                'taskgate:regions: "eu-west-1" is named twice',
            ],
            [
                "regions that are no list",
                { "taskgate:regions": "eu-west-1" },
                'taskgate:regions: eu-west-1 is not a list of words, e.g. ["one", "two"]',
            ],
            [
                "a command with a list in it",
                { "taskgate:command": ["--port", []] },
                'taskgate:command: ["--port",[]] is not a list of words, e.g. ["one", "two"]',
            ],
            [
                "an unknown certificate authority",
                { "taskgate:acmeDirectory": "zerossl" },
                'taskgate:acmeDirectory: "zerossl" is not an ACME directory: give letsencrypt, letsencrypt-staging or a directory\'s https:// URL',
            ],
            [
                "an authority that wants an account of its own",
                { "taskgate:acmeDirectory": "https://acme.zerossl.com/v2/DV90" },
                "taskgate:acmeDirectory: acme.zerossl.com takes only accounts that it knows already: give acmeExternalAccount, the key id and the ARN of the key that it shows to its customers",
            ],
            [
                "a file for the root of an authority",
                {
                    "taskgate:acmeDirectory": "https://ca.example.com/dir",
                    "taskgate:acmeRootCertificates": "root.pem",
                },
                "taskgate:acmeRootCertificates: this is not PEM of certificates that may issue others: give the root that the directory's own HTTPS certificate chains to",
            ],
            [
                "a profile that the authority does not have",
                { "taskgate:acmeProfile": "longlived" },
                'taskgate:acmeProfile: "longlived" is not one of classic, tlsserver, shortlived',
            ],
            [
                "a flag that is a word",
                { "taskgate:acmeProfileRequired": "yes" },
                'taskgate:acmeProfileRequired: "yes" is not one of true, false',
            ],
            [
                "half of an external account",
                { "taskgate:acmeExternalAccountKeyId": "kid-1" },
                "taskgate:acmeExternalAccountKeyArn: is missing: it goes with acmeExternalAccountKeyId",
            ],
            [
                "the external account's key itself",
                { "taskgate:acmeExternalAccountKeyId": "kid-1", "taskgate:acmeExternalAccountKeyArn": "c2VjcmV0" },
                "taskgate:acmeExternalAccountKeyArn: this is not the ARN of a secret in Secrets Manager or of a parameter in SSM: keep the key there, and out of the program",
            ],
            [
                "a delegation without its zone",
                { "taskgate:challengeRecordName": "tasks.acme.example.net" },
                "taskgate:challengeHostedZoneId: is missing: it goes with challengeRecordName",
            ],
            [
                "a bad contact",
                { "taskgate:acmeEmail": "nobody" },
                'taskgate:acmeEmail: "nobody" is not an e-mail address, e.g. ops@example.com',
            ],
            [
                "a bad address to notify",
                { "taskgate:notificationEmail": "ops@" },
                'taskgate:notificationEmail: "ops@" is not an e-mail address, e.g. ops@example.com',
            ],
            [
                "an unknown kind of key",
                { "taskgate:keyType": "P-521" },
                'taskgate:keyType: "P-521" is not one of P-256, P-384, RSA-2048, RSA-3072, RSA-4096',
            ],
            [
                "no image",
                { "taskgate:image": "" },
                "taskgate:image: is missing: pulumi config set taskgate:image docker.io/traefik/whoami:v1.11.0",
            ],
            [
                "a port out of range",
                { "taskgate:containerPort": 65536 },
                "taskgate:containerPort: 65536 is not allowed: give a whole number from 1 to 65535",
            ],
            [
                "a port that is a word",
                { "taskgate:httpPort": "http" },
                'taskgate:httpPort: "http" is not a whole number',
            ],
            [
                "a port that is taken",
                { "taskgate:httpPort": 443 },
                "taskgate:httpPort: 443 is httpsPort already: give another port",
            ],
            [
                "a path without /",
                { "taskgate:healthCheckPath": "health" },
                'taskgate:healthCheckPath: "health" is not a path: begin it with /, without spaces, up to 1024 characters',
            ],
            [
                "an impossible CPU",
                { "taskgate:cpu": 300 },
                "taskgate:cpu: Fargate has no task of 300 CPU units: give one of 256, 512, 1024, 2048, 4096, 8192, 16384, 32768",
            ],
            [
                "memory that does not go with the CPU",
                { "taskgate:memory": 4096 },
                "taskgate:memory: Fargate has no task of 256 CPU units with 4096 MiB: give one of 512, 1024, 2048",
            ],
            [
                "an unknown architecture",
                { "taskgate:cpuArchitecture": "arm64" },
                'taskgate:cpuArchitecture: "arm64" is not one of X86_64, ARM64',
            ],
            [
                "too many tasks",
                { "taskgate:desiredCount": 5001 },
                "taskgate:desiredCount: 5001 is not allowed: give a whole number from 0 to 5000 tasks",
            ],
            [
                "an unknown access log",
                { "taskgate:accessLog": "some" },
                'taskgate:accessLog: "some" is not one of off, errors, all',
            ],
            [
                "a TTL of nothing",
                { "taskgate:recordTtl": 0 },
                "taskgate:recordTtl: 0 is not allowed: give a whole number from 1 to 3600 seconds",
            ],
            [
                "a memory of missing names that is longer than a day",
                { "taskgate:negativeTtl": 86_401 },
                "taskgate:negativeTtl: 86401 is not allowed: give a whole number from 1 to 86400 seconds",
            ],
            [
                "a CAA record for a URL",
                { "taskgate:caaIssuer": "https://letsencrypt.org" },
                'taskgate:caaIssuer: "https://letsencrypt.org" is not what names an authority in CAA records: give its domain, e.g. letsencrypt.org, and parameters after semicolons, if any',
            ],
            [
                "a retention that CloudWatch does not know",
                { "taskgate:logRetentionDays": 31 },
                "taskgate:logRetentionDays: 31 is not a retention of CloudWatch Logs: give one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653 days",
            ],
            [
                "a dashboard that is neither wanted nor not",
                { "taskgate:dashboard": "on" },
                'taskgate:dashboard: "on" is not one of true, false',
            ],
            [
                "an unknown level of Container Insights",
                { "taskgate:containerInsights": "on" },
                'taskgate:containerInsights: "on" is not one of disabled, enabled, enhanced',
            ],
            [
                "a network too large for a VPC",
                { "taskgate:cidrBlock": "10.0.0.0/8" },
                'taskgate:cidrBlock: "10.0.0.0/8" is not an IPv4 network of 16 to 28 bits, e.g. 10.0.0.0/16',
            ],
            [
                "no Availability Zone",
                { "taskgate:numberOfAvailabilityZones": 0 },
                "taskgate:numberOfAvailabilityZones: 0 is not allowed: give a whole number from 1 to 6",
            ],
            [
                "a VPC without subnets",
                { "taskgate:vpcId": "vpc-1" },
                "taskgate:vpcId: goes with taskgate:subnetIds: give both, or neither to have a VPC made",
            ],
            [
                "subnets without a VPC",
                { "taskgate:subnetIds": ["subnet-1"] },
                "taskgate:vpcId: goes with taskgate:subnetIds: give both, or neither to have a VPC made",
            ],
            [
                "one VPC for two regions",
                {
                    "taskgate:vpcId": "vpc-1",
                    "taskgate:subnetIds": ["subnet-1"],
                    "taskgate:regions": ["eu-west-1", "us-east-1"],
                },
                'taskgate:vpcId: "vpc-1" cannot serve 2 regions: use one stack a region, or have the VPCs made',
            ],
        ];
        for (const [what, overrides, line] of cases) {
            it(what, async () => {
                expect(await faultsOf(overrides)).to.deep.equal([line]);
            });
        }
    });

    it("is refused for all of its faults at once", async () => {
        const faults = await faultsOf({
            "taskgate:domain": undefined,
            "aws:region": undefined,
            "taskgate:cpu": 300,
            "taskgate:keyType": "P-521",
            "taskgate:regions": "eu-west-1",
        });
        expect(faults.map((fault) => fault.split(": ")[0]).sort()).to.deep.equal([
            "aws:region",
            "taskgate:cpu",
            "taskgate:domain",
            "taskgate:keyType",
            "taskgate:regions",
        ]);
    });
});
