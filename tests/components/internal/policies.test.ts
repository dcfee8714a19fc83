import { expect } from "chai";

import {
    assumeRolePolicy,
    policyDocument,
    pullImages,
    readSecrets,
    secretArnsOf,
    writeLogs,
} from "../../../components/internal/policies";

const secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf";
const parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/db/user";

describe("policies", () => {
    it("write a document in one order of keys", () => {
        expect(policyDocument([{ Sid: "A", Effect: "Allow", Action: "s3:GetObject", Resource: "*" }])).to.equal(
            '{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}',
        );
    });

    it("let one service assume a role, for one account only when that is given", () => {
        const statement = {
            Sid: "Assume",
            Effect: "Allow",
            Principal: { Service: "ecs-tasks.amazonaws.com" },
            Action: "sts:AssumeRole",
        };
        expect(JSON.parse(assumeRolePolicy("ecs-tasks.amazonaws.com"))).to.deep.equal({
            Version: "2012-10-17",
            Statement: [statement],
        });
        expect(JSON.parse(assumeRolePolicy("ecs-tasks.amazonaws.com", "111122223333"))).to.deep.equal({
            Version: "2012-10-17",
            Statement: [{ ...statement, Condition: { StringEquals: { "aws:SourceAccount": "111122223333" } } }],
        });
    });

    it("let write into one log group alone", () => {
        expect(writeLogs("arn:aws:logs:eu-west-1:111122223333:log-group:app")).to.deep.equal({
            Sid: "WriteLogs",
            Effect: "Allow",
            Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
            Resource: "arn:aws:logs:eu-west-1:111122223333:log-group:app:*",
        });
    });

    describe("of images", () => {
        const account = "444455556666.dkr";

        it("let pull from their ECR repositories alone, each once and sorted", () => {
            const images = [
                `${account}.ecr.eu-central-1.amazonaws.com/team/app:1.2`,
                "docker.io/traefik/whoami:v1.11.0",
                `${account}.ecr.eu-central-1.amazonaws.com/envoy:1`,
                `${account}.ecr.eu-central-1.amazonaws.com/envoy:2`,
            ];
            expect(pullImages(images)).to.deep.equal([
                { Sid: "SignInToEcr", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
                {
                    Sid: "PullImages",
                    Effect: "Allow",
                    Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                    Resource: [
                        "arn:aws:ecr:eu-central-1:444455556666:repository/envoy",
                        "arn:aws:ecr:eu-central-1:444455556666:repository/team/app",
                    ],
                },
            ]);
        });

        it("know digests, FIPS and dual-stack endpoints and the other partitions", () => {
            const dualStack = account.replace(".dkr", ".dkr-ecr");
            const images = [
                `${dualStack}.eu-west-1.on.aws/dual:1`,
                `${dualStack}-fips.us-west-2.on.aws/dual-fips@sha256:${"0".repeat(64)}`,
                `${dualStack}.cn-northwest-1.on.amazonwebservices.com.cn/dual-cn`,
                `${account}.ecr.eusc-de-east-1.amazonaws.eu/eusc`,
                `${account}.ecr.us-iso-east-1.c2s.ic.gov/iso`,
                `${account}.ecr.us-east-1.amazonaws.com/digest@sha256:${"0".repeat(64)}`,
                `${account}.ecr-fips.us-east-1.amazonaws.com/fips`,
                `${account}.ecr.us-gov-west-1.amazonaws.com/gov`,
                `${account}.ecr.cn-north-1.amazonaws.com.cn/cn`,
            ];
            expect(pullImages(images)[1].Resource).to.deep.equal([
                "arn:aws-cn:ecr:cn-north-1:444455556666:repository/cn",
                "arn:aws-cn:ecr:cn-northwest-1:444455556666:repository/dual-cn",
                "arn:aws-eusc:ecr:eusc-de-east-1:444455556666:repository/eusc",
                "arn:aws-iso:ecr:us-iso-east-1:444455556666:repository/iso",
                "arn:aws-us-gov:ecr:us-gov-west-1:444455556666:repository/gov",
                "arn:aws:ecr:eu-west-1:444455556666:repository/dual",
                "arn:aws:ecr:us-east-1:444455556666:repository/digest",
                "arn:aws:ecr:us-east-1:444455556666:repository/fips",
                "arn:aws:ecr:us-west-2:444455556666:repository/dual-fips",
            ]);
        });

        it("are none for other registries, public ECR among them", () => {
            const images = [
                "nginx",
                "docker.io/traefik/whoami:v1.11.0",
                "public.ecr.aws/nginx/nginx:1",
                `evil.example/${account}.ecr.eu-west-1.amazonaws.com/app`,
            ];
            expect(pullImages(images)).to.deep.equal([]);
        });
    });

    describe("of secrets", () => {
        it("let read them and nothing else, each once and sorted, without the JSON key", () => {
            const other = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:api-GhIjKl";
            expect(readSecrets([`${secret}:password::`, parameter, secret, other])).to.deep.equal([
                {
                    Sid: "ReadSecrets",
                    Effect: "Allow",
                    Action: "secretsmanager:GetSecretValue",
                    Resource: [other, secret],
                },
                { Sid: "ReadParameters", Effect: "Allow", Action: "ssm:GetParameters", Resource: [parameter] },
            ]);
        });

        it("mean the whole ARN, of which a reference may lack the end that Secrets Manager makes", () => {
            const prefix = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:";
            expect(secretArnsOf(`${prefix}db-AbCdEf:password::`)).to.deep.equal([`${prefix}db-AbCdEf`]);
            expect(secretArnsOf(`${prefix}db`)).to.deep.equal([`${prefix}db-??????`]);
            expect(secretArnsOf(`${prefix}my-secret:key::`)).to.deep.equal([
                `${prefix}my-secret`,
                `${prefix}my-secret-??????`,
            ]);
            expect(readSecrets([`${prefix}db`])[0].Resource).to.deep.equal([`${prefix}db-??????`]);
        });

        it("let decrypt with the given keys, by the services that keep the secrets and for nothing else", () => {
            const key = "arn:aws:kms:eu-west-1:111122223333:key/1234";
            expect(readSecrets([secret, parameter, `${secret}:a::`], [key])[2]).to.deep.equal({
                Sid: "DecryptSecrets",
                Effect: "Allow",
                Action: "kms:Decrypt",
                Resource: [key],
                Condition: {
                    StringLike: {
                        "kms:ViaService": ["secretsmanager.eu-west-1.amazonaws.com*", "ssm.eu-west-1.amazonaws.com*"],
                    },
                },
            });
        });

        it("are none when there is nothing to read", () => {
            expect(readSecrets([])).to.deep.equal([]);
        });
    });
});
