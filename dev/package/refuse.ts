/** The script `prepack`: npm runs it before `npm pack` and `npm publish`, and before the script `pack` as well. */
if (!process.env['npm_command']?.startsWith('run')) {
  console.error(
    'the order service is not published; the package of its bridge is made by: npm run pack',
  );
  process.exitCode = 1;
}
