import { expect } from "chai";
import { createServer, connect } from "node:net";
import { once } from "node:events";

import { isTls, readProxyHeader, tapWire } from "../../../local/internet/wire";

describe("the wire behind a load balancer", () => {
    const record = (type: number, length: number, minor = 3) =>
        Buffer.concat([Buffer.from([type, 3, minor, length >> 8, length & 0xff]), Buffer.alloc(length, 0x47)]);

    it("is TLS when all of it is TLS records, the last perhaps under way", () => {
        const whole = Buffer.concat([record(22, 300, 1), record(20, 1), record(23, 17_000 - 616)]);
        expect(isTls(whole)).to.be.true;
        expect(isTls(whole.subarray(0, -100))).to.be.true;
    });

    it("is not TLS when anything else is said, be it after the first record", () => {
        expect(isTls(Buffer.alloc(0))).to.be.false;
        expect(isTls(Buffer.from("GET / HTTP/1.1\r\n\r\n"))).to.be.false;
        expect(isTls(Buffer.concat([record(22, 300), Buffer.from("HTTP/1.1 200 OK")]))).to.be.false;
        expect(isTls(record(23, 20_000))).to.be.false;
    });

    it("names the client in a proxy protocol header, or the load balancer itself", () => {
        const signature = "0d0a0d0a000d0a515549540a";
        const client = Buffer.from(`${signature}21` + "11000c" + "c0000207" + "0a000001" + "d431" + "01bb", "hex");
        const rest = Buffer.from("what follows");
        expect(readProxyHeader(Buffer.concat([client, rest]))).to.deep.equal({ source: "192.0.2.7", rest });
        const local = Buffer.from(`${signature}20` + "000000", "hex");
        expect(readProxyHeader(Buffer.concat([local, rest]))).to.deep.equal({ source: "local", rest });
        expect(readProxyHeader(rest)).to.deep.equal({ source: undefined, rest });
    });

    it("is copied in both directions while everything is passed on", async () => {
        const task = createServer((socket) => socket.once("data", (data) => socket.end(`you said ${data.toString()}`)));
        task.listen(0, "127.0.0.1");
        await once(task, "listening");
        const { port } = task.address() as { port: number };
        const tap = await tapWire("127.0.0.1", port);
        expect([tap.address, tap.port]).to.deep.equal(["127.0.254.254", port]);
        const client = connect(tap.port, tap.address, () => client.write("hello"));
        const [answer] = (await once(client, "data")) as [Buffer];
        await once(client, "close");
        expect(answer.toString()).to.equal("you said hello");
        expect(tap.conversations()).to.deep.equal([
            { sent: Buffer.from("hello"), answered: Buffer.from("you said hello") },
        ]);
        await tap.close();
        await new Promise((closed) => task.close(closed));
    });
});
