import { createServer as createTcpServer, type AddressInfo, type Server } from "node:net";
import { createServer } from "node:tls";

import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { expect } from "chai";

import { taskAddress } from "../../../handlers/sessions/address";
import { awsEnvironment, type FakeAws, json, setEnvironment, startFakeAws } from "../../support/fakeAws";
import { selfSignedWildcard } from "../../support/wildcard";

const HOUR = 3_600_000;
const name = "0123.tasks.example.com";

describe("the address of a session's task", () => {
    let row: Record<string, object> | undefined;
    let aws: FakeAws;
    let restore: () => void;
    let tls: Server;
    let silent: Server;

    const listening = (server: Server): Promise<unknown> =>
        new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const portOf = (server: Server): number => (server.address() as AddressInfo).port;

    before(async () => {
        aws = await startFakeAws([{ service: "dynamodb", answer: () => json(row === undefined ? {} : { Item: row }) }]);
        restore = setEnvironment(awsEnvironment(aws.url));
        const { certificate, privateKey } = await selfSignedWildcard("tasks.example.com");
        tls = createServer({ cert: certificate, key: privateKey });
        silent = createTcpServer((socket) => socket.destroy());
        await Promise.all([listening(tls), listening(silent)]);
    });
    after(async () => {
        restore();
        await aws.stop();
        tls.close();
        silent.close();
    });

    const live = (since = Date.now() - HOUR, state = "LIVE"): Record<string, object> => ({
        ...{ taskId: { S: "0123" }, state: { S: state }, since: { N: String(since) } },
        ...{ name: { S: `${name}.` }, ipv4: { S: "127.0.0.1" } },
    });
    const addressOf = (httpsPort: number, healthy = false): Promise<string | undefined> =>
        taskAddress(
            { dynamodb: new DynamoDBClient({}), tableName: "names", httpsPort, deadline: Date.now() + HOUR },
            "arn:aws:ecs:eu-west-1:111122223333:task/tasks/0123",
            { phase: "running", status: "RUNNING", healthy },
        );

    it("is the task's own name once that is published and something answers TLS behind it", async () => {
        row = live();
        expect(await addressOf(portOf(tls))).to.equal(`https://${name}:${portOf(tls)}`);
    });

    it("is so where ECS calls the task healthy, too, and has no port where it is the usual one", async () => {
        row = live();
        expect(await addressOf(443, true)).to.equal(`https://${name}`);
    });

    it("is told nobody before: whoever asked for the name then would remember that there is none", async () => {
        const healthy = true;
        row = undefined;
        expect(await addressOf(443, healthy), "no row").to.equal(undefined);
        row = live(Date.now() - HOUR, "NAMING");
        expect(await addressOf(443, healthy), "being named").to.equal(undefined);
        row = live(Date.now() + HOUR);
        expect(await addressOf(443, healthy), "named a moment ago").to.equal(undefined);
        row = live(Date.now() - HOUR, "REMOVING");
        expect(await addressOf(443, healthy), "being taken away").to.equal(undefined);
    });

    it("is told nobody while nothing answers TLS there", async () => {
        row = live();
        expect(await addressOf(portOf(silent))).to.equal(undefined);
    });
});
