import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { ownerPolicy } from "../../components";
import { policies } from "../../policy/policies";
import { isTaggable } from "../../policy/taggable";
import { recordExample, recordPatching, recordStack } from "../support/examplePrograms";
import { judgedBy, PolicyConfig, Violation } from "../support/judgedByPolicies";
import { record, Registered } from "../support/mocks";
import { root } from "../support/plugin";

const config = { "required-tags": { tags: ["owner"] } };
const tags = { owner: "red" };
const policy = (...Statement: object[]): string => JSON.stringify({ Version: "2012-10-17", Statement });

/** What all rules say of a program, as `rule name: reason`, without the remediation, which each has. */
async function verdict(program: () => unknown, by: PolicyConfig = config): Promise<string[]> {
    return said(await judgedBy(await record(program), by));
}

function said(violations: readonly Violation[]): string[] {
    return violations.map(({ rule, name, message }) => {
        const remediation = `. ${policies.find((each) => each.name === rule)!.remediationSteps}`;
        expect(message.endsWith(remediation), message).to.equal(true);
        return `${rule} ${name}: ${message.slice(0, -remediation.length)}`;
    });
}

describe("The policy pack", () => {
    it("has rules of names and remediations of their own, which can be configured", () => {
        expect(policies.map(({ name }) => name)).to.have.members([
            "required-tags",
            "open-ports",
            "tls",
            "encryption-at-rest",
            "no-wildcards",
            "log-retention",
            "deletion-protection",
        ]);
        for (const { name, description, remediationSteps, configSchema } of policies) {
            expect(description, name).to.match(/\.$/);
            expect(remediationSteps, name).to.match(/[^.]$/);
            const properties = Object.values(configSchema?.properties ?? {});
            expect(properties.filter((property) => property.default === undefined)).to.deep.equal([]);
        }
    });

    describe("required-tags", () => {
        it("refuses what takes tags and lacks one, has it empty, or has one that AWS does not take", async () => {
            expect(
                await verdict(() => {
                    new aws.sqs.Queue("without");
                    new aws.sqs.Queue("other", { tags: { team: "red" } });
                    new aws.sqs.Queue("empty", { tags: { owner: "" } });
                    new aws.sqs.Queue("wrong", { tags: { owner: "a<b" } });
                    new aws.sqs.Queue("right", { tags });
                    new aws.sqs.QueuePolicy("takes-none", { queueUrl: "https://example.com", policy: policy() });
                }),
            ).to.have.members([
                "required-tags without: It has no tag owner",
                "required-tags other: It has no tag owner",
                "required-tags empty: Its tag owner is empty",
                'required-tags wrong: "a<b" is no value of a tag: use up to 256 letters, digits, spaces and _ . : / = + - @',
            ]);
        });

        it("takes what a provider puts there by default, and asks for any tag when none is configured", async () => {
            const { resources } = await record(() => {
                new aws.sqs.Queue("by-provider");
                new aws.sqs.Queue("without");
            });
            const checked = resources.map((each) =>
                each.name === "by-provider" ? { ...each, sent: { ...each.sent, tagsAll: tags } } : each,
            );
            const judge = async (by: PolicyConfig): Promise<string[]> =>
                said(await judgedBy({ resources: checked }, by));
            expect(await judge(config)).to.deep.equal(["required-tags without: It has no tag owner"]);
            expect(await judge({})).to.deep.equal(["required-tags without: It has no tag"]);
        });
    });

    it("open-ports refuses whatever lets the internet connect to more than the served ports", async () => {
        const program = (): void => {
            const securityGroupId = "sg-1";
            const ingress = (
                name: string,
                args: Omit<aws.vpc.SecurityGroupIngressRuleArgs, "securityGroupId">,
            ): void => {
                new aws.vpc.SecurityGroupIngressRule(name, { securityGroupId, tags, ...args });
            };
            const tcp = { ipProtocol: "tcp", fromPort: 443, toPort: 443 };
            ingress("served", { ...tcp, cidrIpv4: "0.0.0.0/0" });
            ingress("of-a-group", { ipProtocol: "-1", referencedSecurityGroupId: "sg-2" });
            ingress("own", { ...tcp, fromPort: 22, toPort: 22, cidrIpv4: "10.0.0.0/8" });
            ingress("ssh", { ...tcp, fromPort: 22, toPort: 22, cidrIpv4: "0.0.0.0/0" });
            ingress("half", { ...tcp, fromPort: 22, toPort: 22, cidrIpv4: "128.0.0.0/1" });
            ingress("range", { ...tcp, fromPort: 80, toPort: 443, cidrIpv6: "::/0" });
            ingress("udp", { ...tcp, ipProtocol: "udp", cidrIpv4: "0.0.0.0/0" });
            ingress("all", { ipProtocol: "-1", cidrIpv4: "0.0.0.0/0" });
            const inline = { protocol: "tcp", fromPort: 5432, toPort: 5432 };
            new aws.ec2.SecurityGroup("inline", {
                ingress: [{ ...inline, cidrBlocks: ["10.0.0.0/16", "0.0.0.0/0"], ipv6CidrBlocks: ["::/0"] }],
                tags,
            });
            new aws.ec2.SecurityGroupRule("in", {
                ...{ type: "ingress", securityGroupId, ...inline, cidrBlocks: ["0.0.0.0/0"] },
            });
            new aws.ec2.SecurityGroupRule("out", {
                ...{ type: "egress", securityGroupId, ...inline, cidrBlocks: ["0.0.0.0/0"] },
            });
        };
        const others = [
            "open-ports ssh: It lets 0.0.0.0/0 connect to tcp 22",
            "open-ports half: It lets 128.0.0.0/1 connect to tcp 22",
            "open-ports range: It lets ::/0 connect to tcp 80-443",
            "open-ports udp: It lets 0.0.0.0/0 connect to udp 443",
            "open-ports all: It lets 0.0.0.0/0 connect to everything",
        ];
        const databases = [
            "open-ports inline: It lets 0.0.0.0/0 connect to tcp 5432",
            "open-ports inline: It lets ::/0 connect to tcp 5432",
            "open-ports in: It lets 0.0.0.0/0 connect to tcp 5432",
        ];
        expect(await verdict(program)).to.have.members([...others, ...databases]);
        const served = { ...config, "open-ports": { ports: [443, 5432] } };
        expect(await verdict(program, served)).to.have.members(others);
    });

    it("tls refuses old versions, ciphers without forward secrecy, and plain HTTP that leads nowhere else", async () => {
        const forward = [{ type: "forward", targetGroupArn: "arn" }];
        const listener = (
            name: string,
            args: Omit<aws.lb.ListenerArgs, "loadBalancerArn" | "defaultActions">,
        ): void => {
            new aws.lb.Listener(name, { loadBalancerArn: "arn", defaultActions: forward, tags, ...args });
        };
        const secret = [
            "ELBSecurityPolicy-TLS13-1-3-2021-06",
            "ELBSecurityPolicy-TLS13-1-2-2021-06",
            "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09",
            "ELBSecurityPolicy-FS-1-2-Res-2020-10",
        ];
        const old = [
            "ELBSecurityPolicy-2016-08",
            "ELBSecurityPolicy-TLS-1-2-2017-01",
            "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06",
            "ELBSecurityPolicy-TLS13-1-1-2021-06",
            "ELBSecurityPolicy-FS-1-1-2019-08",
        ];
        const said = (name: string, by: string): string =>
            `tls ${name}: Its sslPolicy ${by} takes TLS older than 1.2, or ciphers without forward secrecy`;
        expect(
            await verdict(() => {
                secret.forEach((sslPolicy) => listener(`new-${sslPolicy}`, { protocol: "HTTPS", sslPolicy }));
                old.forEach((sslPolicy) => listener(`old-${sslPolicy}`, { protocol: "TLS", sslPolicy }));
                listener("by-default", { protocol: "HTTPS" });
                listener("passed-on", { protocol: "TCP" });
                listener("plain", { protocol: "HTTP" });
                const redirect = { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" };
                new aws.lb.Listener("leads-on", {
                    ...{
                        loadBalancerArn: "arn",
                        protocol: "HTTP",
                        defaultActions: [{ type: "redirect", redirect }],
                        tags,
                    },
                });
                new aws.apigatewayv2.DomainName("api", {
                    domainName: "api.example.com",
                    domainNameConfiguration: {
                        ...{ certificateArn: "arn", endpointType: "REGIONAL", securityPolicy: "TLS_1_0" },
                    },
                    tags,
                });
                new aws.apigateway.DomainName("rest", { domainName: "rest.example.com", tags });
                const distribution = (name: string, minimumProtocolVersion?: string): void => {
                    new aws.cloudfront.Distribution(name, {
                        ...{
                            enabled: true,
                            origins: [],
                            tags,
                            restrictions: { geoRestriction: { restrictionType: "none" } },
                        },
                        viewerCertificate: { acmCertificateArn: "arn", minimumProtocolVersion },
                        defaultCacheBehavior: {
                            ...{ allowedMethods: ["GET"], cachedMethods: ["GET"], targetOriginId: "o" },
                            viewerProtocolPolicy: "redirect-to-https",
                        },
                    });
                };
                distribution("old-distribution", "TLSv1.1_2016");
                distribution("any-distribution");
                distribution("new-distribution", "TLSv1.2_2021");
            }),
        ).to.have.members([
            ...old.map((sslPolicy) => said(`old-${sslPolicy}`, sslPolicy)),
            said("by-default", "ELBSecurityPolicy-2016-08"),
            "tls plain: It serves plain HTTP",
            "tls api: It takes TLS by TLS_1_0",
            "tls rest: It takes TLS by the oldest policy",
            "tls old-distribution: It takes TLS by TLSv1.1_2016",
            "tls any-distribution: It takes TLS by the oldest policy",
        ]);
    });

    it("encryption-at-rest refuses what stores in the clear", async () => {
        expect(
            await verdict(() => {
                new aws.sqs.Queue("clear", { sqsManagedSseEnabled: false, tags });
                new aws.sqs.Queue("by-key", { sqsManagedSseEnabled: false, kmsMasterKeyId: "alias/mine", tags });
                new aws.sqs.Queue("by-default", { tags });
                new aws.efs.FileSystem("files", { tags }, { protect: true });
                new aws.efs.FileSystem("encrypted", { encrypted: true, tags }, { protect: true });
                new aws.kinesis.Stream("stream", { shardCount: 1, tags });
                new aws.kinesis.Stream("by-kms", { encryptionType: "KMS", tags });
                new aws.elasticache.ReplicationGroup("cache", { description: "cache", tags });
                new aws.rds.Instance("database", { instanceClass: "db.t4g.micro", deletionProtection: true, tags });
            }),
        ).to.have.members([
            "encryption-at-rest clear: Its messages are stored in the clear: sqsManagedSseEnabled is false",
            "encryption-at-rest files: It stores in the clear: encrypted is not set",
            "encryption-at-rest stream: It stores in the clear: encryptionType is not set",
            "encryption-at-rest cache: It stores in the clear: atRestEncryptionEnabled is not set",
            "encryption-at-rest database: It stores in the clear: storageEncrypted is not set",
        ]);
    });

    describe("what stores data, by its type", () => {
        const of = (argument: string, value: unknown, ...types: readonly string[]) =>
            types.map((type) => [type, argument, value] as const);
        const databases = [
            "rds/cluster:Cluster",
            "rds/instance:Instance",
            "docdb/cluster:Cluster",
            "neptune/cluster:Cluster",
        ];
        const wanted = {
            "encryption-at-rest": [
                ...of("storageEncrypted", true, ...databases),
                ...of("encrypted", true, "efs/fileSystem:FileSystem", "ebs/volume:Volume", "redshift/cluster:Cluster"),
                ...of("atRestEncryptionEnabled", true, "elasticache/replicationGroup:ReplicationGroup"),
                ...of("encryptionType", "KMS", "kinesis/stream:Stream"),
            ],
            "deletion-protection": [
                ...of("deletionProtection", true, ...databases),
                ...of("deletionProtectionEnabled", true, "dynamodb/table:Table"),
                ...of("deletionProtection", "ACTIVE", "cognito/userPool:UserPool"),
            ],
        };
        for (const [rule, rows] of Object.entries(wanted)) {
            for (const [type, argument, value] of rows) {
                it(`is refused by ${rule} without ${argument}, and taken with it: ${type}`, async () => {
                    const refusals = async (sent: object): Promise<string[]> => {
                        const resource = { type: `aws:${type}`, name: "it", sent, protect: false } as Registered;
                        const violations = await judgedBy({ resources: [resource] }, {});
                        return violations.filter((violation) => violation.rule === rule).map(({ message }) => message);
                    };
                    const [message] = await refusals({ tags });
                    const { remediationSteps } = policies.find(({ name }) => name === rule)!;
                    expect(message).to.match(new RegExp(`: ${argument} is not set\\. `));
                    expect(message.endsWith(remediationSteps!)).to.equal(true);
                    expect(await refusals({ tags, [argument]: value })).to.deep.equal([]);
                    expect(isTaggable(`aws:${type}`)).to.equal(true); // a type of AWS's SDK
                });
            }
        }
    });

    describe("no-wildcards", () => {
        const allow = (Action: string | string[], Resource: string | string[], more: object = {}): object => ({
            ...{ Effect: "Allow", Action, Resource, ...more },
        });
        const ofRole = (name: string, ...statements: object[]): void => {
            new aws.iam.RolePolicy(name, { role: "role", policy: policy(...statements) });
        };

        it("refuses actions and resources that nothing names, in whichever policy they are", async () => {
            expect(
                await verdict(() => {
                    ofRole("named", allow("s3:GetObject", "arn:aws:s3:::mine/*"));
                    ofRole("everything", allow("*", "*", { Sid: "All" }));
                    ofRole("some", allow(["s3:Get*", "s3:PutObject"], "arn:aws:s3:::mine/*"));
                    ofRole("any-bucket", allow("s3:GetObject", ["arn:aws:s3:::mine", "arn:aws:s3:::*"]));
                    ofRole("any-key", allow("kms:Decrypt", "arn:aws:kms:eu-west-1:111122223333:key/*"));
                    ofRole("denied", { Effect: "Deny", Action: "*", Resource: "*" });
                    ofRole("all-but", { Effect: "Allow", NotAction: "iam:*", Resource: "arn:aws:s3:::mine" });
                    new aws.iam.Policy("managed", { policy: policy(allow("sqs:SendMessage", "*")), tags });
                    new aws.iam.Role("role", {
                        assumeRolePolicy: policy({
                            Effect: "Allow",
                            Principal: { AWS: "*" },
                            Action: "sts:AssumeRole",
                        }),
                        inlinePolicies: [{ name: "own", policy: policy(allow("sns:Publish", "*")) }],
                        managedPolicyArns: ["arn:aws:iam::aws:policy/AdministratorAccess"],
                        tags,
                    });
                    new aws.iam.RolePolicyAttachment("attached", {
                        ...{ role: "role", policyArn: "arn:aws:iam::aws:policy/AmazonS3FullAccess" },
                    });
                    new aws.iam.RolePolicyAttachment("narrow", {
                        ...{ role: "role", policyArn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" },
                    });
                    new aws.sqs.QueuePolicy("public", {
                        queueUrl: "https://example.com",
                        policy: policy({ Effect: "Allow", Principal: "*", Action: "sqs:SendMessage", Resource: "*" }),
                    });
                    new aws.sqs.QueuePolicy("of-a-topic", {
                        queueUrl: "https://example.com",
                        policy: policy({
                            ...{ Effect: "Allow", Principal: "*", Action: "sqs:SendMessage", Resource: "*" },
                            Condition: { ArnEquals: { "aws:SourceArn": "arn:aws:sns:eu-west-1:111122223333:mine" } },
                        }),
                    });
                }),
            ).to.have.members([
                "no-wildcards everything: Statement All allows the actions *",
                "no-wildcards everything: Statement All allows * on *",
                "no-wildcards some: Statement 1 allows the actions s3:Get*",
                "no-wildcards any-bucket: Statement 1 allows s3:GetObject on arn:aws:s3:::*",
                "no-wildcards any-key: Statement 1 allows kms:Decrypt on arn:aws:kms:eu-west-1:111122223333:key/*",
                "no-wildcards all-but: Statement 1 allows by NotAction, which is all but what it names",
                "no-wildcards managed: Statement 1 allows sqs:SendMessage on *",
                "no-wildcards role: Statement 1 allows anybody",
                "no-wildcards role: Statement 1 allows sns:Publish on *",
                "no-wildcards role: It is given arn:aws:iam::aws:policy/AdministratorAccess, which allows by wildcards",
                "no-wildcards attached: It is given arn:aws:iam::aws:policy/AmazonS3FullAccess, which allows by wildcards",
                "no-wildcards public: Statement 1 allows anybody",
            ]);
        });

        it("takes resources that are named by the values of their tags, as an owner's policy does", async () => {
            const byTag = (operator: string, key: string): object =>
                allow("ecs:StopTask", "*", { Condition: { [operator]: { [key]: "red" } } });
            expect(
                await verdict(() => {
                    new aws.iam.Policy("owner", { policy: ownerPolicy({ requiredTags: ["team"] }), tags });
                    ofRole("of-the-owner", byTag("StringEquals", "aws:ResourceTag/owner"));
                    ofRole("of-anybody-else", byTag("StringNotEquals", "aws:ResourceTag/owner"));
                    ofRole("if-there-is-one", byTag("StringEqualsIfExists", "aws:ResourceTag/owner"));
                    ofRole("by-a-caller", byTag("StringEquals", "aws:PrincipalTag/owner"));
                }),
            ).to.have.members(
                ["of-anybody-else", "if-there-is-one", "by-a-caller"].map(
                    (name) => `no-wildcards ${name}: Statement 1 allows ecs:StopTask on *`,
                ),
            );
        });

        it("takes what is listed with its reason, and nothing beside it in the same statement", async () => {
            const program = (): void => {
                ofRole("listed", allow(["ecr:GetAuthorizationToken"], "*"));
                ofRole("configured", allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*"));
                ofRole("beside", allow(["xray:PutTraceSegments", "s3:GetObject"], "*"));
            };
            const reasons = [
                {
                    actions: ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
                    reason: "IAM knows no resource of these",
                },
            ];
            expect(await verdict(program, { ...config, "no-wildcards": { reasons } })).to.have.members([
                "no-wildcards beside: Statement 1 allows s3:GetObject on *",
            ]);
        });
    });

    it("log-retention refuses logs for ever, and for longer or shorter than was decided", async () => {
        const program = (): void => {
            new aws.cloudwatch.LogGroup("for-ever", { tags });
            new aws.cloudwatch.LogGroup("zero", { retentionInDays: 0, tags });
            new aws.cloudwatch.LogGroup("a-week", { retentionInDays: 7, tags });
            new aws.cloudwatch.LogGroup("ten-years", { retentionInDays: 3653, tags });
        };
        const always = ["for-ever", "zero"].map((name) => `log-retention ${name}: Its logs are kept for ever`);
        expect(await verdict(program)).to.have.members(always);
        expect(await verdict(program, { ...config, "log-retention": { shortest: 30, longest: 365 } })).to.have.members([
            ...always,
            "log-retention a-week: Its logs are kept for 7 days, not for 30 to 365",
            "log-retention ten-years: Its logs are kept for 3653 days, not for 30 to 365",
        ]);
    });

    describe("deletion-protection", () => {
        const program = (): void => {
            const table = { attributes: [{ name: "id", type: "S" }], hashKey: "id", tags };
            new aws.dynamodb.Table("table", table);
            new aws.dynamodb.Table("guarded", { ...table, deletionProtectionEnabled: true });
            new aws.dynamodb.Table("protected", table, { protect: true });
            new aws.s3.Bucket("emptied", { forceDestroy: true, tags });
            new aws.s3.Bucket("kept", { tags });
            new aws.cognito.UserPool("people", { tags });
            new aws.secretsmanager.Secret("at-once", { recoveryWindowInDays: 0, tags });
            new aws.efs.FileSystem("files", { encrypted: true, tags });
        };
        const refused = [
            "deletion-protection table: Its data go with it: deletionProtectionEnabled is not set",
            "deletion-protection emptied: Its data go with it: forceDestroy is true",
            "deletion-protection people: Its data go with it: deletionProtection is not set",
            "deletion-protection at-once: Its data go with it: recoveryWindowInDays is 0",
            "deletion-protection files: Its data go with it: protect is not set",
        ];

        it("refuses data that go with what holds them", async () => {
            expect(await verdict(program)).to.have.members(refused);
        });

        it("takes what is excepted with its reason, by a part of its URN", async () => {
            const exceptions = [{ urn: "aws:dynamodb/table:Table::table", reason: "it can be filled again" }];
            expect(await verdict(program, { ...config, "deletion-protection": { exceptions } })).to.have.members(
                refused.slice(1),
            );
        });

        it("takes taskgate's own tables for a component's children only", async () => {
            class TaskDns extends pulumi.ComponentResource {
                constructor(name: string) {
                    super("taskgate:index:TaskDns", name);
                    const table = { attributes: [{ name: "id", type: "S" }], hashKey: "id", tags };
                    new aws.dynamodb.Table(`${name}-table`, table, { parent: this });
                }
            }
            expect(await verdict(() => new TaskDns("dns"))).to.deep.equal([]);
        });
    });

    it("accepts the stack, which has the tag that is asked of it", async () => {
        const by = JSON.parse(readFileSync(join(root, "policy/stack.json"), "utf8")) as PolicyConfig;
        expect(await judgedBy(await recordStack(), by)).to.deep.equal([]);
    });

    it("accepts the patching of docs/operations.md", async () => {
        const by = { "required-tags": { tags: ["project"] } };
        expect(await judgedBy(await recordPatching(), by)).to.deep.equal([]);
    });

    it("accepts examples/internal without a way out: no NAT gateway, the endpoints that start tasks, and images named", async () => {
        const made = await recordExample("internal", {
            "taskgate:wayOut": "endpoints",
            "taskgate:envoyImage": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/envoy:v1",
            "taskgate:helperImage": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/helper:v1",
        });
        expect(await judgedBy(made, { "required-tags": { tags: ["project"] } })).to.deep.equal([]);
        const { natGateways } = made.resources.find(({ type }) => type === "awsx:ec2:Vpc")!.inputs;
        expect(natGateways).to.deep.equal({ strategy: "None" });
        const endpoints = made.resources.filter(({ type }) => type === "aws:ec2/vpcEndpoint:VpcEndpoint");
        expect(endpoints.map(({ name }) => name)).to.deep.equal(
            ["s3", "ecr.api", "ecr.dkr", "logs"].map((service) => `network-endpoint-${service}`),
        );
        const images = made.resources
            .filter(({ type }) => type === "aws:ecs/taskDefinition:TaskDefinition")
            .flatMap(({ sent }) => JSON.parse(sent.containerDefinitions as string) as { readonly image: string }[])
            .map(({ image }) => image);
        expect(images.filter((image) => !image.includes(".dkr.ecr."))).to.deep.equal([]);
    });

    for (const example of readdirSync(join(root, "examples"))) {
        it(`accepts examples/${example}`, async () => {
            const by = { "required-tags": { tags: ["project"] } };
            expect(await judgedBy(await recordExample(example), by)).to.deep.equal([]);
        });
    }
});
