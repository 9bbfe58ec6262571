/** A text of somebody else's on a terminal: what would steer the terminal is written as its code. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** A moment as the clock on the wall has it: ISO 8601 with the offset from UTC, to the second. */
export function localTime(iso: string): string {
  const moment = new Date(iso);
  const offset = -moment.getTimezoneOffset();
  const wall = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const minutes = Math.abs(offset);
  return `${wall}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
}

/** How long something took or came after: `0.4 s`, `4 min 3 s`, `3 h 12 min`, `2 d 4 h`. @param milliseconds - 0 or more */
export function describeDuration(milliseconds: number): string {
  const seconds = milliseconds / 1_000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  for (const [unit, size, part, partSize] of [
    ['d', 86_400, 'h', 3_600],
    ['h', 3_600, 'min', 60],
    ['min', 60, 's', 1],
  ] as const) {
    if (whole < size) continue;
    const rest = Math.floor((whole % size) / partSize);
    return `${Math.floor(whole / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${part}`}`;
  }
  return `${whole} s`;
}
