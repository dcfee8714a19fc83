// Campaigns as a collector knows them: in memory, as long as it hears of every change; in Valkey otherwise.
import { LRUCache } from "lru-cache";

import { Campaign, readCampaign } from "../campaign";

export interface Store {
    /** What is stored of a campaign; null: there is none. @throws when the store cannot be asked */
    get(id: string): Promise<string | null>;
}

/** A campaign, or that there is none. */
type Known = { readonly campaign: Campaign | undefined };

export interface CoreData {
    /** @throws when it is not known and the store cannot be asked */
    find(id: string): Promise<Campaign | undefined>;
    /** A change was told. */
    changed(text: string): void;
    /** From now on every change is told; until then nothing is kept. */
    listening(): void;
    /** Changes may have been missed: what is kept may be stale. */
    deaf(): void;
    readonly size: number;
}

export const most = 100_000;
export const tenMinutes = 600_000;

export function createCoreData(store: Store, now: () => number = () => performance.now()): CoreData {
    const kept = new LRUCache<string, Known>({ max: most, ttl: tenMinutes, perf: { now } });
    const asked = new Map<string, Promise<Known>>();
    let hears = false;

    /** Once for all who want to know. An answer counts only if nothing was told of the campaign meanwhile. */
    function ask(id: string): Promise<Known> {
        const answer = store
            .get(id)
            .then((text) => ({ campaign: text === null ? undefined : readCampaign(text) }))
            .then((known) => {
                if (hears && asked.get(id) === answer) {
                    kept.set(id, known);
                }
                return known;
            })
            .finally(() => {
                if (asked.get(id) === answer) {
                    asked.delete(id);
                }
            });
        asked.set(id, answer);
        return answer;
    }

    function forget(): void {
        kept.clear();
        asked.clear();
    }

    return {
        async find(id) {
            const known = kept.get(id) ?? (await (asked.get(id) ?? ask(id)));
            return known.campaign;
        },
        changed(text) {
            const campaign = readCampaign(text);
            asked.delete(campaign.id);
            const before = kept.peek(campaign.id)?.campaign;
            if (hears && (before === undefined || before.version < campaign.version)) {
                kept.set(campaign.id, { campaign });
            }
        },
        listening() {
            forget(); // what was asked before may have changed before
            hears = true;
        },
        deaf() {
            hears = false;
            forget();
        },
        get size() {
            return kept.size;
        },
    };
}
