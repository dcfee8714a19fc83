/** What collectors know of a campaign: the core data by which events are judged. */
export interface Campaign {
    readonly id: string;
    /** Grows with each change: what is older never takes the place of what is newer. */
    readonly version: number;
    readonly active: boolean;
}

/** What Valkey calls a campaign, and where changes are told. */
export const keyOf = (id: string): string => `campaign:${id}`;
export const changes = "campaigns";

/** @throws for what is no campaign */
export function readCampaign(text: string): Campaign {
    const { id, version, active } = JSON.parse(text) as Partial<Campaign>;
    if (
        typeof id !== "string" ||
        !/^[\w-]{1,64}$/.test(id) ||
        !Number.isSafeInteger(version) ||
        typeof active !== "boolean"
    ) {
        throw new Error(`No campaign: ${text.slice(0, 200)}`);
    }
    return { id, version: version!, active };
}
