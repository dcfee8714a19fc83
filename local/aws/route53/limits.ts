// What Route 53 lets an account do: https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html

export interface Limit {
    readonly capacity: number;
    readonly refillPerSecond: number;
}

export interface Route53Limits {
    /** Of an account, all requests (default 50, and 10 a second). */
    readonly requestLimit?: Limit;
    /** Of an account, all changes: a CREATE or DELETE costs 1, an UPSERT 2 (default 1500, and 100 a second). */
    readonly changeLimit?: Limit;
}

/** Two token buckets: a request must find room in both, or takes from none. */
export function createBudget(options: Route53Limits): (changeCost: number) => boolean {
    const requests = createBucket(options.requestLimit ?? { capacity: 50, refillPerSecond: 10 });
    const changes = createBucket(options.changeLimit ?? { capacity: 1_500, refillPerSecond: 100 });
    return (changeCost) => {
        const enough = requests.level() >= 1 && changes.level() >= changeCost;
        if (enough) {
            requests.take(1);
            changes.take(changeCost);
        }
        return enough;
    };
}

function createBucket({ capacity, refillPerSecond }: Limit) {
    let tokens = capacity;
    let since = performance.now();
    return {
        level(): number {
            const now = performance.now();
            tokens = Math.min(capacity, tokens + ((now - since) / 1_000) * refillPerSecond);
            since = now;
            return tokens;
        },
        take(cost: number): void {
            tokens -= cost;
        },
    };
}
