import { expect } from "chai";

import { createFeed, limits } from "../../../../local/commands/console/feed";

describe("the console's feed", () => {
    it("tells what changed after a version, in order, and nothing that stayed the same", () => {
        const feed = createFeed();
        feed.set("task", "a", { status: "PENDING" });
        feed.set("queue", "q", { waiting: 1 });
        const { version, entries } = feed.since(0);
        expect(entries).to.deep.equal([
            { kind: "task", key: "a", value: { status: "PENDING" } },
            { kind: "queue", key: "q", value: { waiting: 1 } },
        ]);
        feed.set("queue", "q", { waiting: 1 });
        expect(feed.since(version)).to.deep.equal({ version, entries: [] });
        feed.set("task", "a", { status: "RUNNING" });
        feed.set("queue", "q", null);
        expect(feed.since(version).entries).to.deep.equal([
            { kind: "task", key: "a", value: { status: "RUNNING" } },
            { kind: "queue", key: "q", value: null },
        ]);
    });

    it("keeps no more of a kind than its limit: the oldest go", () => {
        const feed = createFeed();
        for (let at = 0; at < limits.request * 3; at++) {
            feed.set("request", String(at), { at });
        }
        const { entries } = feed.since(0);
        expect(entries).to.have.length(limits.request);
        expect(entries[0].key).to.equal(String(limits.request * 2));
    });

    it("tells whoever listens, until they have heard enough", () => {
        const feed = createFeed();
        let told = 0;
        const enough = feed.onChange(() => told++);
        feed.set("sample", "1", 1);
        feed.set("sample", "1", 1);
        enough();
        feed.set("sample", "1", 2);
        expect(told).to.equal(1);
    });
});
