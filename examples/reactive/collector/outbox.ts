// Events on their way into the stream: taken at once, sent in batches, tried again until the stream has them.
import { setTimeout as delay } from "node:timers/promises";

export interface Entry {
    readonly key: string;
    readonly data: Uint8Array;
}

/** Sends a batch; says of each entry, in its order, whether the stream has it. @throws when none is known to be there */
export type Send = (entries: readonly Entry[]) => Promise<readonly boolean[]>;

export interface OutboxOptions {
    readonly send: Send;
    /** More are refused. @default 20000 */
    readonly mostEntries?: number;
    /** Batches under way at a time. @default 4 */
    readonly mostBatches?: number;
    /** For which an entry waits for others, in milliseconds. @default 20 */
    readonly lingerMs?: number;
    /** Before entries that were refused are sent again; twice as long each time in a row, up to 5 s. @default 100 */
    readonly retryMs?: number;
    /** @default Math.random */
    readonly random?: () => number;
}

export interface Outbox {
    /** false: there is no room. */
    add(entry: Entry): boolean;
    /** Those that the stream does not have yet. */
    readonly size: number;
    /** Takes no more; resolves when the stream has all, or the signal comes, with how many are left: those are not sent any more. */
    drain(signal: AbortSignal): Promise<number>;
}

/** Of PutRecords (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html). */
const batchEntries = 500;
const batchBytes = 4_500_000;
const longestMs = 5_000;

export function createOutbox(options: OutboxOptions): Outbox {
    const { send, mostEntries = 20_000, mostBatches = 4, lingerMs = 20, retryMs = 100, random = Math.random } = options;
    let waiting: Entry[] = [];
    let underWay = 0;
    let batches = 0;
    let refusals = 0;
    let isPaused = false;
    let isClosed = false;
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;

    function nextBatch(): Entry[] {
        let [count, bytes] = [0, 0];
        while (count < waiting.length && count < batchEntries && bytes + waiting[count].data.length <= batchBytes) {
            bytes += waiting[count].data.length + waiting[count].key.length;
            count++;
        }
        const batch = waiting.slice(0, Math.max(1, count));
        waiting = waiting.slice(batch.length);
        return batch;
    }

    function start(): void {
        timer = undefined;
        while (!isOver && !isPaused && batches < mostBatches && waiting.length > 0) {
            void sendBatch(nextBatch());
        }
    }

    async function sendBatch(batch: Entry[]): Promise<void> {
        batches++;
        underWay += batch.length;
        const sent = await send(batch).catch((error: Error) => {
            console.error("stream:", error.message);
            return [];
        });
        batches--;
        underWay -= batch.length;
        const refused = batch.filter((_, index) => sent[index] !== true);
        waiting = [...refused, ...waiting];
        if (refused.length === 0) {
            refusals = 0;
            schedule();
        } else if (!isPaused) {
            isPaused = true;
            // Half of it by chance: collectors that were refused together do not come back together.
            await delay(Math.min(retryMs * 2 ** refusals++, longestMs) * (0.5 + random() / 2));
            isPaused = false;
            start();
        }
    }

    function schedule(): void {
        if (isClosed || waiting.length >= batchEntries) {
            start();
        } else if (waiting.length > 0) {
            timer ??= setTimeout(start, lingerMs);
        }
    }

    return {
        add(entry) {
            if (isClosed || waiting.length + underWay >= mostEntries) {
                return false;
            }
            waiting.push(entry);
            schedule();
            return true;
        },
        get size() {
            return waiting.length + underWay;
        },
        async drain(signal) {
            isClosed = true;
            clearTimeout(timer);
            start();
            while (waiting.length + underWay > 0 && !signal.aborted) {
                await delay(10);
            }
            isOver = true;
            return waiting.length + underWay;
        },
    };
}
