import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { ECSClient, ListClustersCommand } from "@aws-sdk/client-ecs";
import { EC2Client, DescribeVpcsCommand } from "@aws-sdk/client-ec2";
import { ListHostedZonesCommand, Route53Client } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import { startGateway } from "../../../../local/aws/gateway/gateway";
import type { Gateway } from "../../../../local/aws/gateway/gateway";
import { AwsError, jsonResponse } from "../../../../local/aws/gateway/overlay";
import type { AwsRequest, Overlay } from "../../../../local/aws/gateway/overlay";
import { clientConfig } from "../../../../local/machine/awsClients";

const accountId = "111122223333";

interface Received {
    readonly method: string;
    readonly url: string;
    readonly authorization: string | undefined;
    readonly body: Buffer;
}

describe("the gateway", () => {
    const received: Received[] = [];
    const seen: AwsRequest[] = [];
    const faults: string[] = [];
    let emulator: Server;
    let gateway: Gateway;

    const overlay = (service: string, handle: Overlay["handle"], pathPrefix?: string): Overlay => ({
        service,
        pathPrefix,
        handle: (request, forward) => {
            seen.push(request);
            return handle(request, forward);
        },
    });

    before(async () => {
        emulator = createServer((request, response) => {
            const chunks: Buffer[] = [];
            request.on("data", (chunk: Buffer) => chunks.push(chunk));
            request.on("end", () => {
                const body = Buffer.concat(chunks);
                const { method = "", url = "" } = request;
                received.push({ method, url, authorization: request.headers.authorization, body });
                response.writeHead(201, { "x-amz-id": "7", "content-length": method === "HEAD" ? 12 : body.length });
                response.end(method === "HEAD" ? undefined : body);
            });
        });
        await new Promise<void>((resolve) => emulator.listen(0, "127.0.0.1", resolve));
        gateway = await startGateway({
            emulatorPort: (emulator.address() as AddressInfo).port,
            accountId,
            overlays: [
                overlay("ecs", () => Promise.reject(new AwsError("ClusterNotFoundException", "Cluster not found."))),
                overlay("ec2", () => Promise.reject(new AwsError("InvalidVpcID.NotFound", "No <such> VPC"))),
                overlay("route53", () => Promise.reject(new AwsError("Throttling", "Rate exceeded"))),
                overlay("sqs", () => Promise.resolve(undefined)),
                overlay("sns", () => Promise.resolve(undefined)),
                overlay(
                    "lambda",
                    ({ service }) => Promise.resolve(jsonResponse(service === "" ? { ran: true } : {})),
                    "/_own/",
                ),
                overlay("scheduler", () => Promise.resolve(jsonResponse({ Schedules: [], Total: 0 }))),
                overlay("kms", () => Promise.reject(new Error("a mistake"))),
            ],
            log: (text) => faults.push(text),
        });
    });
    beforeEach(() => void faults.splice(0)); // what this emulator answers is none of AWS's answers
    after(async () => {
        await gateway.stop();
        emulator.closeAllConnections();
        await new Promise((resolve) => emulator.close(resolve));
    });

    const authorization = (service: string, accessKeyId = accountId) =>
        `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20261122/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=0`;

    it("passes what nobody overlays on to the emulator, byte for byte", async () => {
        const body = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
        const response = await fetch(`${gateway.url}/bucket/a%2Fb%20c?x-id=PutObject&X-Amz-Note=%C3%A4`, {
            method: "PUT",
            body,
            headers: { authorization: authorization("s3") },
        });

        expect(response.status).to.equal(201);
        expect(response.headers.get("x-amz-id")).to.equal("7");
        expect(Buffer.from(await response.arrayBuffer())).to.deep.equal(body);
        expect(received.at(-1)).to.deep.equal({
            method: "PUT",
            url: "/bucket/a%2Fb%20c?x-id=PutObject&X-Amz-Note=%C3%A4",
            authorization: authorization("s3"),
            body,
        });
    });

    it("keeps the length that an answer to HEAD tells", async () => {
        const response = await fetch(`${gateway.url}/bucket/key`, { method: "HEAD" });

        expect(response.headers.get("content-length")).to.equal("12");
    });

    it("reads from a signature who calls which service where", async () => {
        await fetch(gateway.url, {
            method: "POST",
            headers: { authorization: authorization("sqs"), "x-amz-target": "AmazonSQS.SendMessage" },
            body: '{"QueueUrl": "q", "MessageBody": "m"}',
        });
        expect(seen.at(-1)).to.include({
            service: "sqs",
            region: "eu-west-1",
            accountId,
            accessKeyId: accountId,
            operation: "SendMessage",
        });

        const answered = await fetch(gateway.url, {
            method: "POST",
            headers: {
                authorization: authorization("sns", "AKIAEXAMPLE"),
                "content-type": "application/x-www-form-urlencoded",
            },
            body: "Action=ListTopics&Version=2010-03-31",
        });
        expect(seen.at(-1)).to.include({ accountId, accessKeyId: "AKIAEXAMPLE", operation: "ListTopics" });
        expect(answered.status, "what is no XML is passed on, too").to.equal(201);

        const presigned = `X-Amz-Credential=${encodeURIComponent("444455556666/20261122/us-east-1/lambda/aws4_request")}`;
        await fetch(`${gateway.url}/2015-03-31/functions?${presigned}`);
        expect(seen.at(-1)).to.include({ service: "lambda", region: "us-east-1", accountId: "444455556666" });
    });

    it("gives an overlay the unsigned requests below its path, too", async () => {
        const response = await fetch(`${gateway.url}/_own/thing`, { method: "POST", body: "x" });

        expect(await response.json()).to.deep.equal({ ran: true });
        expect(seen.at(-1)).to.include({ service: "", path: "/_own/thing" });
    });

    it("words a refusal in the protocol of each service", async () => {
        const config = { ...clientConfig(gateway.url, { accountId, region: "eu-west-1" }), maxAttempts: 1 };
        const refusal = (promise: Promise<unknown>) =>
            promise.then(
                () => "accepted",
                (error: Error) => `${error.name}: ${error.message}`,
            );

        expect(await refusal(new ECSClient(config).send(new ListClustersCommand({})))).to.equal(
            "ClusterNotFoundException: Cluster not found.",
        );
        expect(await refusal(new EC2Client(config).send(new DescribeVpcsCommand({})))).to.equal(
            "InvalidVpcID.NotFound: No <such> VPC",
        );
        expect(await refusal(new Route53Client(config).send(new ListHostedZonesCommand({})))).to.equal(
            "Throttling: Rate exceeded",
        );
    });

    it("reports a fault of an overlay as InternalFailure and logs it", async () => {
        const response = await fetch(gateway.url, {
            method: "POST",
            headers: { authorization: authorization("kms"), "x-amz-target": "TrentService.ListKeys" },
        });

        expect(response.status).to.equal(500);
        expect(await response.json()).to.include({ __type: "InternalFailure" });
        expect(faults.splice(0).map((fault) => fault.split("\n")[0])).to.deep.equal(["kms ListKeys: Error: a mistake"]);
    });

    it("takes an answer that AWS's model does not know for such a fault", async () => {
        const response = await fetch(`${gateway.url}/schedules`, {
            headers: { authorization: authorization("scheduler") },
        });

        expect(response.status).to.equal(500);
        expect(faults.splice(0).map((fault) => fault.split("\n")[0])).to.deep.equal([
            "scheduler ListSchedules: Error: The answer to scheduler ListSchedules does not fit AWS's model: 1 validation error detected: " +
                "Value at 'Total' failed to satisfy constraint: Member must be one of: [nextToken, schedules]",
        ]);
    });
});
