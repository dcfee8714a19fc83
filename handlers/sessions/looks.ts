import type { Place, Session, Sight } from "./session";

// ECS lets an account ask about tasks twenty times a second, and a hundred visitors of one session ask once a second each.

/** What was last seen of tasks, by whoever looked. */
export interface Sights {
    read(taskArn: string): Promise<Seen | undefined>;
    /** The right to look, for one of those who read the same. */
    claim(taskArn: string, before: Seen | undefined, at: number): Promise<boolean>;
    write(taskArn: string, seen: Seen): Promise<void>;
}

export interface Seen {
    /** Milliseconds since the epoch. */
    readonly at: number;
    /** Nothing yet, while the first looks. */
    readonly sight?: Sight;
}

/** How old a sight may be. */
export const SIGHT_MILLISECONDS = 3_000;

const unclear: Sight = { phase: "unclear", status: "UNKNOWN" };

/** The same place, which is asked about one task no more than once in three seconds, however many look. */
export function sharedLooks(place: Place, sights: Sights, now: () => number): Place {
    async function lookOnce(session: Session): Promise<Sight> {
        const taskArn = session.taskArn!;
        const before = await sights.read(taskArn);
        const at = now();
        const isYoung = before !== undefined && at - before.at < SIGHT_MILLISECONDS;
        if (isYoung || !(await sights.claim(taskArn, before, at))) {
            return before?.sight ?? unclear;
        }
        const sight = (await place.look([session])).get(taskArn) ?? unclear;
        await sights.write(taskArn, { at, sight });
        return sight;
    }

    return {
        ...place,
        async look(sessions) {
            const [session] = sessions;
            // Many at once are asked about in one request.
            return sessions.length === 1
                ? new Map([[session.taskArn!, await lookOnce(session)]])
                : place.look(sessions);
        },
    };
}
