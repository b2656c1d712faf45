import { defineConfig, globalIgnores } from 'eslint/config'
import tseslint from 'typescript-eslint'

/** What is banned in source, each with what to write instead. */
const syntaxBans = [
  ['ExportDefaultDeclaration', 'Export by name: a default export has another name everywhere.'],
  ['TSEnumDeclaration', 'Use an `as const` list and derive the type from it.'],
  ['TSParameterProperty', 'Declare the field and assign it.'],
].map(([selector, message]) => ({ selector, message }))

const clockBans = [
  {
    selector: "NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'Take the time from the Clock that was passed in (tables/clock.ts).',
  },
]

const timeAndRandomBans = [
  ['Date', 'now', 'Take the time from the Clock that was passed in (tables/clock.ts).'],
  ['performance', 'now', 'Take the time from the Clock that was passed in (tables/clock.ts).'],
  ['Math', 'random', 'Take ids from the IdSource, chance from a seeded generator.'],
  ['crypto', 'randomUUID', 'Take ids from the IdSource that was passed in (tables/clock.ts).'],
].map(([object, property, message]) => ({ object, property, message }))

const environmentBan = {
  object: 'process',
  property: 'env',
  message: 'Read settings in pipelines/config/ or pipelines/cli/ and pass them on as arguments.',
}

const randomImportBans = ['node:crypto', 'crypto'].map((name) => ({
  name,
  importNames: ['randomUUID', 'randomBytes', 'randomInt', 'getRandomValues', 'webcrypto'],
  message: 'Take ids from the IdSource that was passed in (tables/clock.ts).',
}))

const typeRules = {
  '@typescript-eslint/no-explicit-any': 'error',
  '@typescript-eslint/no-floating-promises': 'error',
  '@typescript-eslint/no-misused-promises': 'error',
  '@typescript-eslint/switch-exhaustiveness-check': [
    'error',
    { considerDefaultExhaustiveForUnions: true },
  ],
  '@typescript-eslint/consistent-type-imports': 'error',
  '@typescript-eslint/consistent-type-exports': 'error',
  '@typescript-eslint/no-unused-vars': [
    'error',
    { argsIgnorePattern: '^_', ignoreRestSiblings: true },
  ],
  // Numbers and bigints read as they are; objects and undefined in a text are a mistake.
  '@typescript-eslint/restrict-template-expressions': [
    'error',
    { allowNumber: true, allowBoolean: true },
  ],
  // `return record(row)` in a dispatch of functions that return nothing reads well.
  '@typescript-eslint/no-confusing-void-expression': 'off',
  // Objects come from factories that close over their state: their methods need no `this`.
  '@typescript-eslint/unbound-method': 'off',
  // An async function without await is how a synchronous implementation keeps a promised shape.
  '@typescript-eslint/require-await': 'off',
  // `row[column]` of a Record: noUncheckedIndexedAccess sees to it, in both spellings.
  '@typescript-eslint/dot-notation': 'off',
}

const shapeRules = {
  'max-lines': ['error', { max: 400 }],
  'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
  eqeqeq: 'error',
  'no-console': 'off',
  'no-restricted-syntax': ['error', ...syntaxBans, ...clockBans],
  'no-restricted-properties': ['error', ...timeAndRandomBans, environmentBan],
  'no-restricted-imports': ['error', { paths: randomImportBans }],
}

export default defineConfig(
  globalIgnores(['node_modules', 'lake', 'lakes', 'coverage', 'dist', '**/*.d.mts']),
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: { ...typeRules, ...shapeRules },
  },
  {
    files: ['bin/**/*.mjs'],
    languageOptions: { globals: { process: 'readonly' } },
    rules: { 'no-undef': 'off', 'max-lines': shapeRules['max-lines'], eqeqeq: 'error' },
  },
  {
    // The one place that reads the machine's clock and its chance.
    files: ['tables/clock.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...syntaxBans],
      'no-restricted-properties': 'off',
      'no-restricted-imports': 'off',
    },
  },
  {
    // Where the environment becomes settings.
    files: ['pipelines/config/**', 'pipelines/cli/**'],
    rules: { 'no-restricted-properties': ['error', ...timeAndRandomBans] },
  },
  {
    // Tools around the product: they measure, start services and read the environment.
    files: ['test/**', 'bench/**', 'stack/**'],
    rules: {
      'no-restricted-syntax': ['error', ...syntaxBans],
      'no-restricted-properties': 'off',
      'no-restricted-imports': 'off',
    },
  },
  {
    files: ['test/**'],
    rules: {
      'max-lines-per-function': 'off',
      // `describe`, `it` and `expect.any` are looser than the strict rules want.
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    files: ['*.config.ts', 'test/support/**/vitest.config.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
)
