import { expect } from "chai";

import { importCertificate } from "../../handlers/importCertificate";
import { awsEnvironment, FakeAws, FakeRequest, startFakeAws } from "../support/fakeAws";
import { captureLog } from "../support/fakeLambda";

const secretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf";
const certificateArn = "arn:aws:acm:eu-west-1:111122223333:certificate/1";
const context = { functionName: "import", awsRequestId: "r", getRemainingTimeInMillis: () => 60_000 };
const pem = (text: string): string => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`;

describe("importCertificate", () => {
    const { env: inherited } = process;
    let aws: FakeAws;
    let restoreLog: () => void;
    let parameter: string | undefined;
    let secrets: (object | undefined)[];

    const json = (value: object) => ({ type: "application/x-amz-json-1.1", body: JSON.stringify(value) }) as const;
    const missing = (name: string, message = name) => ({ ...json({ __type: name, message }), status: 400 });
    const bodyOf = ({ body }: FakeRequest): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;
    const answer = (request: FakeRequest) => {
        switch (request.operation) {
            case "GetParameter":
                return parameter === undefined
                    ? missing("ParameterNotFound")
                    : json({ Parameter: { Value: parameter } });
            case "PutParameter":
                parameter = bodyOf(request).Value as string;
                return json({});
            case "GetSecretValue": {
                const secret = secrets.length > 1 ? secrets.shift() : secrets[0];
                return secret === undefined
                    ? missing("ResourceNotFoundException", "Secrets Manager can't find the specified secret value")
                    : json({ SecretString: JSON.stringify(secret) });
            }
            case "ImportCertificate":
                return json({ CertificateArn: bodyOf(request).CertificateArn ?? certificateArn });
            default:
                return json({});
        }
    };
    const sent = (operation: string): Record<string, unknown>[] =>
        aws.requests.filter((request) => request.operation === operation).map(bodyOf);
    const base64 = (text: string): string => Buffer.from(text).toString("base64");
    const secret = (serialNumber: string): object => ({
        certificateChain: `${pem("leaf")}\n${pem("middle")}\n`,
        privateKey: "key",
        serialNumber,
    });

    before(async () => {
        aws = await startFakeAws(["acm", "secretsmanager", "ssm"].map((service) => ({ service, answer })));
        process.env = {
            ...inherited,
            ...awsEnvironment(aws.url),
            SECRET_ARN: secretArn,
            IMPORT_PARAMETER: "/secret/acm-certificate",
        };
    });
    beforeEach(() => {
        ({ restore: restoreLog } = captureLog());
        aws.requests.length = 0;
        parameter = undefined;
        secrets = [secret("1")];
    });
    afterEach(() => restoreLog());
    after(async () => {
        process.env = inherited;
        await aws.stop();
    });

    it("waits in a deployment for the first certificate, and imports leaf, chain and key with the tag that makes it ours", async () => {
        secrets = [undefined, undefined, secret("1")];
        const event = { tf: { action: "create" } } as const;
        expect(await importCertificate(event, context)).to.deep.equal({ certificateArn, imported: true });
        expect(sent("ImportCertificate")).to.deep.equal([
            {
                Certificate: base64(pem("leaf")),
                CertificateChain: base64(pem("middle")),
                PrivateKey: base64("key"),
                Tags: [{ Key: "taskgate:secret", Value: secretArn }],
            },
        ]);
        expect(parameter).to.equal(JSON.stringify({ certificateArn, serialNumber: "1" }));
    });

    it("imports a renewed certificate under the same ARN, once", async () => {
        parameter = JSON.stringify({ certificateArn, serialNumber: "1" });
        expect(await importCertificate({}, context)).to.deep.equal({ certificateArn, imported: false });
        secrets = [secret("2")];
        expect(await importCertificate({}, context)).to.deep.equal({ certificateArn, imported: true });
        expect(await importCertificate({}, context)).to.deep.equal({ certificateArn, imported: false });
        expect(sent("ImportCertificate")).to.deep.equal([
            {
                CertificateArn: certificateArn,
                Certificate: base64(pem("leaf")),
                CertificateChain: base64(pem("middle")),
                PrivateKey: base64("key"),
            },
        ]);
    });

    it("does nothing by the schedule before there is a certificate", async () => {
        secrets = [undefined];
        expect(await importCertificate({}, context)).to.deep.equal({ certificateArn: "", imported: false });
    });

    describe("into several regions", () => {
        const of = (region: string): string => certificateArn.replace("eu-west-1", region);
        /** The region of each request of this kind, and the ARN that it names. */
        const asked = (operation: string) =>
            aws.requests
                .filter((request) => request.operation === operation)
                .map((request) => [request.region, bodyOf(request).CertificateArn]);

        beforeEach(() => {
            process.env.ACM_REGIONS = '["us-east-1","ap-south-1"]';
            aws.interfere = (request) =>
                request.operation === "ImportCertificate"
                    ? json({ CertificateArn: bodyOf(request).CertificateArn ?? of(request.region) })
                    : undefined;
        });
        afterEach(() => {
            delete process.env.ACM_REGIONS;
            aws.interfere = undefined;
        });

        it("keeps an ARN in each, through renewals and to the end", async () => {
            parameter = JSON.stringify({ certificateArn, serialNumber: "1" }); // imported before others were wanted
            const elsewhere = { "us-east-1": of("us-east-1"), "ap-south-1": of("ap-south-1") };
            const event = { tf: { action: "update" } } as const;
            expect(await importCertificate(event, context)).to.deep.equal({
                certificateArn,
                elsewhere,
                imported: true,
            });
            expect(asked("ImportCertificate")).to.deep.equal([
                ["us-east-1", undefined],
                ["ap-south-1", undefined],
            ]);
            secrets = [secret("2")];
            aws.requests.length = 0;
            expect(await importCertificate({}, context)).to.deep.equal({ certificateArn, elsewhere, imported: true });
            const all = [
                ["eu-west-1", certificateArn],
                ["us-east-1", of("us-east-1")],
                ["ap-south-1", of("ap-south-1")],
            ];
            expect(asked("ImportCertificate")).to.deep.equal(all);
            await importCertificate({ tf: { action: "delete" } }, context);
            expect(asked("DeleteCertificate")).to.deep.equal(all);
            expect(sent("DeleteParameter")).to.have.length(1);
        });

        it("is kept from none by another that refuses it, which gets it with the next run", async () => {
            const take = aws.interfere!;
            aws.interfere = (request) =>
                request.operation === "ImportCertificate" && request.region === "us-east-1"
                    ? missing("LimitExceededException")
                    : take(request);
            expect(await importCertificate({}, context).catch(({ name }: Error) => name)).to.equal(
                "LimitExceededException",
            );
            expect(JSON.parse(parameter!)).to.deep.equal({
                certificateArn,
                serialNumber: "1",
                elsewhere: { "ap-south-1": { certificateArn: of("ap-south-1"), serialNumber: "1" } },
            });
            aws.interfere = take;
            aws.requests.length = 0;
            expect(await importCertificate({}, context)).to.include({ imported: true });
            expect(asked("ImportCertificate")).to.deep.equal([["us-east-1", undefined]]);
        });

        it("takes it away from one that is wanted no more, when that is deployed", async () => {
            await importCertificate({}, context);
            process.env.ACM_REGIONS = '["ap-south-1"]';
            const event = { tf: { action: "update" } } as const;
            const elsewhere = { "ap-south-1": of("ap-south-1") };
            expect(await importCertificate(event, context)).to.deep.equal({
                certificateArn,
                elsewhere,
                imported: false,
            });
            expect(asked("DeleteCertificate")).to.deep.equal([["us-east-1", of("us-east-1")]]);
            delete process.env.ACM_REGIONS;
            expect(await importCertificate(event, context)).to.deep.equal({ certificateArn, imported: false });
            expect(parameter).to.equal(JSON.stringify({ certificateArn, serialNumber: "1" }));
        });
    });

    it("takes the certificate out of ACM at the end, and only there", async () => {
        parameter = JSON.stringify({ certificateArn, serialNumber: "1" });
        await importCertificate({ tf: { action: "delete" } }, context);
        expect(sent("DeleteCertificate")).to.deep.equal([{ CertificateArn: certificateArn }]);
        expect(sent("DeleteParameter")).to.deep.equal([{ Name: "/secret/acm-certificate" }]);
        expect(sent("GetSecretValue")).to.deep.equal([]);
    });

    it("waits with that until ACM no longer takes it for in use, and does not mind when somebody else has taken it out", async () => {
        for (const [last, tries] of [
            [undefined, 4],
            [missing("ResourceNotFoundException"), 4],
        ] as const) {
            aws.requests.length = 0;
            parameter = JSON.stringify({ certificateArn, serialNumber: "1" });
            aws.interfere = ({ operation }) => {
                if (operation !== "DeleteCertificate") {
                    return undefined;
                }
                return sent("DeleteCertificate").length < tries ? missing("ResourceInUseException") : last;
            };
            await importCertificate({ tf: { action: "delete" } }, context);
            expect(sent("DeleteCertificate")).to.have.length(tries);
            expect(sent("DeleteParameter")).to.have.length(1);
        }
        aws.interfere = undefined;
    });

    it("tells that it is still in use when there is no time left, and keeps in mind where it is", async () => {
        parameter = JSON.stringify({ certificateArn, serialNumber: "1" });
        aws.interfere = ({ operation }) =>
            operation === "DeleteCertificate" ? missing("ResourceInUseException") : undefined;
        const hurried = { ...context, getRemainingTimeInMillis: () => 1_500 };
        const error = await importCertificate({ tf: { action: "delete" } }, hurried).catch(String);
        aws.interfere = undefined;
        expect(error).to.contain(`The end of the use of ${certificateArn} took longer than the function has time.`);
        expect(sent("DeleteParameter")).to.deep.equal([]);
    });
});
