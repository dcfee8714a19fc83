import type { AddressInfo } from "node:net";

import { expect } from "chai";

import { createCollector } from "../../../examples/reactive/collector/collector";
import { createCoreData } from "../../../examples/reactive/collector/coreData";
import type { Entry } from "../../../examples/reactive/collector/outbox";

describe("a collector", () => {
    const stored: Record<string, object> = {
        on: { id: "on", version: 1, active: true },
        off: { id: "off", version: 1, active: false },
    };
    const taken: Entry[] = [];
    let hasRoom = true;
    let isAway = false;
    const coreData = createCoreData({
        get: (id) =>
            isAway
                ? Promise.reject(new Error("away"))
                : Promise.resolve(id in stored ? JSON.stringify(stored[id]) : null),
    });
    const outbox = {
        add: (entry: Entry) => hasRoom && taken.push(entry) > 0,
        size: 0,
        drain: () => Promise.resolve(0),
    };
    const server = createCollector({ coreData, outbox, name: "one" });
    let url: string;
    before(async () => {
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(() => new Promise((resolve) => server.close(resolve).closeAllConnections()));

    async function post(
        body: unknown,
    ): Promise<{ status: number; body: Record<string, string>; retryAfter: string | null }> {
        const text = typeof body === "string" ? body : JSON.stringify(body);
        const answer = await fetch(`${url}/events`, { method: "POST", body: text });
        return {
            status: answer.status,
            body: (await answer.json()) as Record<string, string>,
            retryAfter: answer.headers.get("retry-after"),
        };
    }

    it("takes an event of an active campaign, with the id that it was given or one of its own", async () => {
        expect(await post({ id: "event-00001", campaign: "on", kind: "click" })).to.deep.equal({
            ...{ status: 202, body: { id: "event-00001" }, retryAfter: null },
        });
        const { status, body } = await post({ campaign: "on", kind: "impression", extra: "left out" });
        expect(status).to.equal(202);
        expect(body.id).to.match(/^[0-9a-f-]{36}$/);
        const [first, second] = taken.splice(0).map(({ key, data }) => {
            const { receivedAt, ...event } = JSON.parse(Buffer.from(data).toString()) as Record<string, string>;
            expect(receivedAt).to.match(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
            return { key, event };
        });
        expect(first).to.deep.equal({
            key: "event-00001",
            event: { id: "event-00001", campaign: "on", kind: "click" },
        });
        expect(second).to.deep.equal({ key: body.id, event: { id: body.id, campaign: "on", kind: "impression" } });
    });

    it("refuses what it cannot read or does not know, and says why", async () => {
        const wrong: [unknown, number, RegExp][] = [
            ["{", 400, /no JSON/],
            ["null", 400, /campaign has/],
            [{ campaign: "on", kind: "view" }, 400, /kind is one of impression, click/],
            [{ id: "short", campaign: "on", kind: "click" }, 400, /id has 8 to 64/],
            [{ campaign: "a b", kind: "click" }, 400, /campaign has 1 to 64/],
            [{ campaign: "off", kind: "click" }, 422, /no active campaign off/],
            [{ campaign: "none", kind: "click" }, 422, /no active campaign none/],
            ["x".repeat(16_385), 413, /at most 16384 bytes/],
        ];
        for (const [body, status, detail] of wrong) {
            const answer = await post(body);
            expect([answer.status, answer.retryAfter], JSON.stringify(body)).to.deep.equal([status, null]);
            expect(answer.body.detail).to.match(detail);
        }
        expect((await fetch(`${url}/events`)).status).to.equal(404);
        expect(taken).to.deep.equal([]);
    });

    it("sends away for a second who comes when it is full or cannot look up the campaign", async () => {
        hasRoom = false;
        const event = { campaign: "on", kind: "click" };
        const full = await post(event);
        hasRoom = true;
        isAway = true;
        const away = await post(event);
        isAway = false;
        expect([full.status, full.retryAfter, away.status, away.retryAfter]).to.deep.equal([503, "1", 503, "1"]);
        expect([full.body.detail, away.body.detail]).to.deep.equal([
            ...["More events are waiting than there is room for.", "The campaign cannot be looked up now."],
        ]);
    });

    it("shows what it knows of a campaign, and who it is", async () => {
        const shown = await fetch(`${url}/campaigns/on`);
        expect([shown.status, await shown.json()]).to.deep.equal([200, { collector: "one", campaign: stored.on }]);
        expect((await fetch(`${url}/campaigns/none`)).status).to.equal(404);
        expect((await fetch(`${url}/health`)).status).to.equal(200);
    });
});
