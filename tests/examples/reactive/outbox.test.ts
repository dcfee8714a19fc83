import { expect } from "chai";

import { createOutbox } from "../../../examples/reactive/collector/outbox";
import type { Entry } from "../../../examples/reactive/collector/outbox";
import { until } from "../../support/until";

const entry = (key: string, bytes = 1): Entry => ({ key, data: Buffer.alloc(bytes) });
const many = (count: number) => Array.from({ length: count }, (_, i) => entry(`event-${i}`));
const all = { lingerMs: 1, retryMs: 1 };

describe("the outbox of a collector", () => {
    it("sends what came together as one batch, of 500 at most, and nothing twice", async () => {
        const batches: string[][] = [];
        const outbox = createOutbox({
            ...all,
            send: (entries) => {
                batches.push(entries.map(({ key }) => key));
                return Promise.resolve(entries.map(() => true));
            },
        });
        const entries = many(1_200);
        expect(entries.every((one) => outbox.add(one))).to.equal(true);
        await until("the end", () => outbox.size === 0);
        expect(batches.map(({ length }) => length)).to.deep.equal([500, 500, 200]);
        expect(batches.flat()).to.deep.equal(entries.map(({ key }) => key));
    });

    it("keeps batches below what a call takes", async () => {
        const bytes: number[] = [];
        const outbox = createOutbox({
            ...all,
            send: (entries) => {
                bytes.push(entries.reduce((sum, { data }) => sum + data.length, 0));
                return Promise.resolve(entries.map(() => true));
            },
        });
        for (let i = 0; i < 10; i++) {
            outbox.add(entry(`large-${i}`, 1_000_000));
        }
        await until("the end", () => outbox.size === 0);
        expect(Math.max(...bytes)).to.be.at.most(4_500_000);
        expect(bytes.reduce((sum, one) => sum + one, 0)).to.equal(10_000_000);
    });

    it("sends again what was refused, and no more than that, whether one, all or the call failed", async () => {
        const sent: string[][] = [];
        const answers = [[true, false, true], undefined, [false], [true]];
        const outbox = createOutbox({
            ...all,
            send: (entries) => {
                sent.push(entries.map(({ key }) => key));
                const answer = answers[sent.length - 1];
                return answer === undefined ? Promise.reject(new Error("away")) : Promise.resolve(answer);
            },
        });
        ["a", "b", "c"].forEach((key) => outbox.add(entry(key)));
        await until("the end", () => outbox.size === 0);
        expect(sent).to.deep.equal([["a", "b", "c"], ["b"], ["b"], ["b"]]);
    });

    it("refuses what it has no room for, those under way counted, and takes more once the stream does", async () => {
        let open: (() => void) | undefined;
        const opened = new Promise<void>((resolve) => (open = resolve));
        const outbox = createOutbox({
            ...all,
            mostEntries: 3,
            send: async (entries) => {
                await opened;
                return entries.map(() => true);
            },
        });
        expect(many(5).map((one) => outbox.add(one))).to.deep.equal([true, true, true, false, false]);
        await until("a batch under way", () => outbox.size === 3);
        expect(outbox.add(entry("more"))).to.equal(false);
        open!();
        await until("room", () => outbox.size === 0);
        expect(outbox.add(entry("more"))).to.equal(true);
        expect(await outbox.drain(AbortSignal.timeout(60_000))).to.equal(0);
    });

    it("sends all that it holds before it ends, through refusals too, and takes nothing more", async () => {
        const stream = new Map<string, number>();
        let calls = 0;
        const outbox = createOutbox({
            ...{ ...all, lingerMs: 3_600_000 },
            send: (entries) => {
                const isThrottled = ++calls <= 3;
                entries.forEach(({ key }, i) => {
                    if (!isThrottled || i % 2 === 0) {
                        stream.set(key, (stream.get(key) ?? 0) + 1);
                    }
                });
                return Promise.resolve(entries.map((_, i) => !isThrottled || i % 2 === 0));
            },
        });
        const entries = many(1_100);
        entries.forEach((one) => outbox.add(one));
        expect(await outbox.drain(AbortSignal.timeout(60_000))).to.equal(0);
        expect(outbox.add(entry("late"))).to.equal(false);
        expect(stream.size).to.equal(1_100);
        expect([...new Set(stream.values())]).to.deep.equal([1]);
    });

    it("says how many are left when its time is over", async () => {
        const outbox = createOutbox({ ...all, send: (entries) => Promise.resolve(entries.map(() => false)) });
        many(7).forEach((one) => outbox.add(one));
        expect(await outbox.drain(AbortSignal.timeout(50))).to.equal(7);
    });
});
