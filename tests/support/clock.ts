/** Moves the clock of this process by so many milliseconds, until it is put back; timers go on as they do. */
export function moveClock(milliseconds: number): () => void {
    const RealDate = globalThis.Date;
    class MovedDate extends RealDate {
        constructor(...given: unknown[]) {
            super(...((given.length === 0 ? [MovedDate.now()] : given) as [number]));
        }
        static override now(): number {
            return RealDate.now() + milliseconds;
        }
    }
    globalThis.Date = MovedDate as DateConstructor;
    return () => void (globalThis.Date = RealDate);
}
