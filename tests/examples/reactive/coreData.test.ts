import { expect } from "chai";

import { createCoreData, most, tenMinutes } from "../../../examples/reactive/collector/coreData";
import { until } from "../../support/until";

const campaign = (id: string, version = 1, active = true) => ({ id, version, active });

/** Answers when it is told to. */
function slowStore() {
    const asked: { id: string; answer: (text: string | null) => void; fail: () => void }[] = [];
    const get = (id: string) =>
        new Promise<string | null>((answer, reject) =>
            asked.push({ id, answer, fail: () => reject(new Error("away")) }),
        );
    return { asked, get };
}

describe("the core data of a collector", () => {
    const text = (...of: Parameters<typeof campaign>) => JSON.stringify(campaign(...of));

    it("asks once for what it keeps, that there is none too, however many want to know at once", async () => {
        const store = slowStore();
        const data = createCoreData(store);
        data.listening();
        const found = Promise.all([data.find("a"), data.find("a"), data.find("none")]);
        expect(store.asked.map(({ id }) => id)).to.deep.equal(["a", "none"]);
        store.asked[0].answer(text("a"));
        store.asked[1].answer(null);
        expect(await found).to.deep.equal([campaign("a"), campaign("a"), undefined]);
        expect([await data.find("a"), await data.find("none")]).to.deep.equal([campaign("a"), undefined]);
        expect(store.asked).to.have.length(2);
    });

    it("keeps 100,000 for ten minutes", async () => {
        let [now, asked] = [1, 0];
        const data = createCoreData({ get: (id) => Promise.resolve((asked++, text(id))) }, () => now);
        data.listening();
        for (let i = 0; i <= most; i++) {
            await data.find(`c${i}`);
        }
        expect([data.size, most, tenMinutes]).to.deep.equal([100_000, 100_000, 600_000]);
        asked = 0;
        await data.find(`c${most}`);
        expect(asked).to.equal(0);
        await data.find("c0"); // the one that was used longest ago
        expect(asked).to.equal(1);
        now += tenMinutes + 1;
        // lru-cache reads the clock once in a millisecond.
        await until("its end", async () => (await data.find(`c${most}`)) && asked === 2);
    });

    it("takes what is told, and nothing older", async () => {
        const data = createCoreData({ get: () => Promise.reject(new Error("not to be asked")) });
        data.listening();
        data.changed(text("a", 2));
        data.changed(text("a", 1, false));
        expect(await data.find("a")).to.deep.equal(campaign("a", 2));
        data.changed(text("a", 3, false));
        expect(await data.find("a")).to.deep.equal(campaign("a", 3, false));
    });

    it("does not keep an answer that a change has overtaken", async () => {
        const store = slowStore();
        const data = createCoreData(store);
        data.listening();
        const found = data.find("a");
        data.changed(text("a", 2));
        store.asked[0].answer(text("a", 1));
        expect(await found).to.deep.equal(campaign("a", 1)); // as it was when it was asked
        expect(await data.find("a")).to.deep.equal(campaign("a", 2));
    });

    it("keeps nothing while it hears nothing, and nothing that was asked for before it heard again", async () => {
        const store = slowStore();
        const data = createCoreData(store);
        const ask = async (version: number, meanwhile = () => undefined as void) => {
            const found = data.find("a");
            meanwhile();
            store.asked.at(-1)!.answer(text("a", version));
            return (await found)!.version;
        };
        expect([await ask(1), data.size]).to.deep.equal([1, 0]); // not yet
        expect([await ask(2, () => data.listening()), data.size]).to.deep.equal([2, 0]);
        expect([await ask(3), data.size]).to.deep.equal([3, 1]);
        data.deaf();
        expect(data.size).to.equal(0);
        data.changed(text("a", 4));
        expect([await ask(5), data.size]).to.deep.equal([5, 0]);
        data.listening();
        expect([await ask(6, () => data.deaf()), data.size]).to.deep.equal([6, 0]);
        expect(store.asked).to.have.length(5);
    });

    it("says when the store cannot be asked, and asks again", async () => {
        const store = slowStore();
        const data = createCoreData(store);
        data.listening();
        const failed = data.find("a").catch((error: Error) => error.message);
        store.asked[0].fail();
        expect(await failed).to.equal("away");
        const found = data.find("a");
        store.asked[1].answer(text("a"));
        expect(await found).to.deep.equal(campaign("a"));
    });

    it("refuses what is no campaign", () => {
        const data = createCoreData(slowStore());
        for (const wrong of [
            "{}",
            `{"id":"a b","version":1,"active":true}`,
            `{"id":"a","version":"1","active":true}`,
        ]) {
            expect(() => data.changed(wrong)).to.throw("No campaign");
        }
    });
});
