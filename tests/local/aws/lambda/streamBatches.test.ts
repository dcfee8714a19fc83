import { expect } from "chai";
import fc from "fast-check";

import { workOff } from "../../../../local/aws/lambda/streamBatches";
import type { BatchRules, StreamRecord } from "../../../../local/aws/lambda/streamBatches";

const plain: BatchRules = { bisects: false, reportsFailures: false, maxRetries: -1, maxAge: -1 };

function recordsOf(count: number, arrival = 0): StreamRecord[] {
    return Array.from({ length: count }, (_, i) => ({
        sequenceNumber: String(i + 1),
        partitionKey: "key",
        data: "",
        arrival,
    }));
}

const names = (records: readonly StreamRecord[]) => records.map(({ sequenceNumber }) => sequenceNumber).join(" ");
const failures = (...names: unknown[]) =>
    JSON.stringify({ batchItemFailures: names.map((itemIdentifier) => ({ itemIdentifier })) });

/** What is invoked and given up, in order; `answer` says how the n-th invocation ends: undefined is a failure of all. */
async function history(
    records: readonly StreamRecord[],
    rules: Partial<BatchRules>,
    answer: (records: readonly StreamRecord[], invocation: number) => string | undefined,
    now = 0,
): Promise<string[]> {
    const seen: string[] = [];
    let invocations = 0;
    await workOff(
        records,
        { ...plain, ...rules },
        {
            invoke(batch) {
                seen.push(names(batch));
                const payload = answer(batch, ++invocations);
                return Promise.resolve({ isError: payload === undefined, payload: payload ?? "null" });
            },
            discard(batch, condition, count) {
                seen.push(`${condition} after ${count}: ${names(batch)}`);
                return Promise.resolve();
            },
            pause: () => Promise.resolve(),
            now: () => now,
        },
    );
    return seen;
}

describe("a batch of a stream", () => {
    it("comes again as a whole until the function takes it", async () => {
        expect(await history(recordsOf(3), {}, (_, n) => (n < 3 ? undefined : "null"))).to.deep.equal([
            "1 2 3",
            "1 2 3",
            "1 2 3",
        ]);
    });

    it("comes again from the first record that failed", async () => {
        const answers = [failures("4", "3"), failures("5"), failures()];
        expect(await history(recordsOf(5), { reportsFailures: true }, (_, n) => answers[n - 1])).to.deep.equal([
            "1 2 3 4 5",
            "3 4 5",
            "5",
        ]);
    });

    it("is a failure as a whole when what is reported is none of its records", async () => {
        for (const wrong of [failures("9"), failures(""), failures(null), failures("2", "9")]) {
            expect(
                await history(recordsOf(2), { reportsFailures: true }, (_, n) => (n === 1 ? wrong : "null")),
                wrong,
            ).to.deep.equal(["1 2", "1 2"]);
        }
    });

    it("is done whatever is reported by a mapping that asked for no reports", async () => {
        expect(await history(recordsOf(2), {}, () => failures("1"))).to.deep.equal(["1 2"]);
    });

    it("is given up after its retries, and what comes later goes on", async () => {
        expect(await history(recordsOf(2), { maxRetries: 2 }, () => undefined)).to.deep.equal([
            "1 2",
            "1 2",
            "1 2",
            "RetryAttemptsExhausted after 3: 1 2",
        ]);
    });

    it("is halved down to the record that fails, which alone is given up", async () => {
        const poison = (batch: readonly StreamRecord[]) =>
            batch.some(({ sequenceNumber }) => sequenceNumber === "2") ? undefined : "null";
        expect(await history(recordsOf(4), { bisects: true, maxRetries: 1 }, poison)).to.deep.equal([
            "1 2 3 4",
            "1 2",
            "1",
            "2",
            "2",
            "RetryAttemptsExhausted after 2: 2",
            "3 4",
        ]);
        const reported = (batch: readonly StreamRecord[]) => (poison(batch) === undefined ? failures("2") : "null");
        expect(
            await history(recordsOf(4), { bisects: true, reportsFailures: true, maxRetries: 0 }, reported),
        ).to.deep.equal(["1 2 3 4", "2 3 4", "2 3", "2", "RetryAttemptsExhausted after 1: 2", "3", "4"]);
    });

    it("loses the records that are too old", async () => {
        const [old, young] = [recordsOf(2, 100), recordsOf(4, 200).slice(2)];
        expect(await history([...old, ...young], { maxAge: 60 }, () => "null", 200_000)).to.deep.equal([
            "RecordAgeExceeded after 0: 1 2",
            "3 4",
        ]);
    });

    it("hands every record on in its order, whatever fails, and gives up those alone that always fail", async () => {
        await fc.assert(
            fc.asyncProperty(
                fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 4 }),
                fc.boolean(),
                fc.nat(2),
                async (poisoned, reportsFailures, maxRetries) => {
                    const isPoison = ({ sequenceNumber }: StreamRecord) => poisoned.includes(Number(sequenceNumber));
                    const taken: string[] = [];
                    const seen = await history(
                        recordsOf(12),
                        { bisects: true, reportsFailures, maxRetries },
                        (batch) => {
                            const at = batch.findIndex(isPoison);
                            if (at < 0 || reportsFailures) {
                                taken.push(...batch.slice(0, at < 0 ? undefined : at).map((one) => one.sequenceNumber));
                            }
                            return at < 0 ? "null" : reportsFailures ? failures(batch[at].sequenceNumber) : undefined;
                        },
                    );
                    const good = recordsOf(12).filter((record) => !isPoison(record));
                    expect(taken.join(" ")).to.equal(names(good));
                    expect(seen.filter((line) => line.startsWith("Retry"))).to.deep.equal(
                        [...poisoned]
                            .sort((a, b) => a - b)
                            .map((number) => `RetryAttemptsExhausted after ${maxRetries + 1}: ${number}`),
                    );
                },
            ),
        );
    });
});
