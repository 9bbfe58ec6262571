/** Runs `work` with these variables, and puts the former ones back. */
export async function withEnvironment<T>(
  variables: Readonly<Record<string, string | undefined>>,
  work: () => Promise<T>,
): Promise<T> {
  const former = { ...process.env };
  try {
    for (const [name, text] of Object.entries(variables)) {
      if (text === undefined) delete process.env[name];
      else process.env[name] = text;
    }
    return await work();
  } finally {
    process.env = former;
  }
}
