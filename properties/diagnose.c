/* Diagnosis: what is the kernel doing instead? Neighbouring contracts and known
 * defects are evaluated on the case at hand and on a few probes, calls that
 * tell apart what a small case cannot; the cause that explains most is named.
 * Failing that, two causes together; failing that, the pattern. */
#include "diagnose.h"

#include "plan.h"

#include <normgate/offline.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

/* A search costs an evaluation per cause, and a kernel that fails a hundred
 * cases of a property fails them for one reason: small cases, which reports
 * show, are always searched, of large ones the first few, of huge ones one.
 * Pairs of causes are many: the first few calls of few outputs. */
enum {
    SMALL = 1024,
    MOST_SEARCHES = 4,
    HUGE_CASE = 1 << 14,
    FEW = 256,
    MOST_PAIRS = 2
};

/* A tenth of the wrong outputs may be left, one if they are few: roundings to a
 * narrow format fall to the other side where the kernel's own error moves
 * them. */
static bool is_fit(size_t misses, const ng_sample *sample)
{
    return misses * 10 <= sample->wrong || (misses == 1 && sample->wrong >= 4);
}

static void undamaged(const ng_problem *problem, ng_damage *damage)
{
    *damage = (ng_damage){.contract = *problem->contract, .eps = problem->eps};
}

/* Whether the neighbour's exact results and bounds explain every output, as
 * many as are judged under the declared contract. */
static bool explains_exactly(ng_arena *arena, const ng_sample *sample,
                             const ng_cause *cause)
{
    ng_damage damage;
    ng_standard standard;
    const ng_call_state *call = sample->call;
    ng_problem problem = call->problem;
    undamaged(&problem, &damage);
    if (cause->neighbour == 0 ||
        !ng_cause_apply(cause, sample->evaluation.n, &damage))
        return false;
    problem.contract = &damage.contract;
    problem.eps = damage.eps;
    if (!ng_standard_make(&standard, arena, &problem, NULL))
        return false;
    for (size_t k = 0; k < sample->count; k++) {
        const ng_outcome *o = &sample->outcome[k];
        ng_judged judged;
        if (!ng_exact_has(standard.exact, o->role))
            return false;
        ng_judge_output(&judged, &standard, &call->tensor[o->role], o->role,
                        o->set, o->i);
        if (!judged.judged || !(judged.ratio <= 1))
            return false;
    }
    return sample->count > 0;
}

/* Misses of one cause, or of two; SIZE_MAX: it says nothing here. */
static size_t misses_of(ng_arena *arena, ng_sample *sample,
                        const ng_cause *cause, const ng_cause *second)
{
    ng_damage damage;
    size_t n = sample->evaluation.n;
    undamaged(&sample->call->problem, &damage);
    if (!ng_cause_apply(cause, n, &damage) ||
        (second != NULL && !ng_cause_apply(second, n, &damage)))
        return SIZE_MAX;
    size_t misses = ng_sample_misses(sample, &damage, sample->wrong / 10 + 1);
    if (misses > 0 && second == NULL && sample->count <= SMALL &&
        explains_exactly(arena, sample, cause))
        return 0;
    return misses;
}

/* --- probes ------------------------------------------------------------------ */

/* Calls in which causes differ: sizes whose remainders differ, a mean that is
 * not 0, eps beside the variance, eps far from 1e-5, a large mean. */
static bool probe_case(const ng_trial *trial, size_t k, ng_case *test)
{
    static const struct {
        size_t rows, n;
        const char *gen;
        double arg, eps;
    } probes[] = {
        {6, 63, "offset", 2, 0.3},
        {6, 12, "near_eps", 0.75, 1e-8},
        {4, 61, "offset", 1000, NG_EPS},
    };
    if (k >= sizeof probes / sizeof probes[0])
        return false;
    ng_case_init(test, trial->op->name, ng_contract_storage(trial->contract));
    ng_plan_shape(trial, 5, probes[k].rows, probes[k].n, test);
    double most = ldexp(1, ng_format_of(test->dtype)->p - 3);
    bool offset = strcmp(probes[k].gen, "offset") == 0;
    snprintf(test->gen, sizeof test->gen, "%s", probes[k].gen);
    test->gen_arg = offset ? fmin(probes[k].arg, most) : probes[k].arg;
    test->eps = probes[k].eps;
    if (test->dtype == ng_f16 && !offset)
        test->eps = 3e-4; /* so that x is not subnormal */
    snprintf(test->affine, sizeof test->affine, "random");
    test->momentum = 0.3;
    test->batches = 3;
    test->seed = trial->seed + k;
    return true;
}

/* One more call of the kernel, judged. False: it did not answer. */
static bool take_sample(ng_trial *trial, ng_arena *arena, size_t kernel,
                        const ng_case *test, ng_call_state *call,
                        ng_sample *sample, ng_verdict *verdict)
{
    ng_finding finding;
    ng_finding_init(&finding);
    bool taken =
        ng_trial_prepare_partner(trial, kernel, test, call, &finding) &&
        ng_trial_call(trial, test, call, &finding) &&
        ng_sample_make(sample, arena, call) && sample->count > 0;
    *verdict = finding.verdict;
    return taken;
}

/* Whether the kernel can be asked more than the case at hand. */
static bool can_ask(const ng_trial *trial, const ng_call_state *call)
{
    return trial->subject != NULL && call->test != NULL &&
           ng_subject_offline(trial->subject) == NULL;
}

static void try_probe(ng_arena *arena, ng_sample *sample, ng_probes *probes,
                      const ng_cause *causes, size_t count)
{
    probes->count++;
    probes->wrong += sample->wrong > 0;
    for (size_t k = 0; k < count; k++) {
        size_t misses = misses_of(arena, sample, &causes[k], NULL);
        /* What changes nothing here explains what is right here. */
        if (misses == SIZE_MAX)
            misses = sample->wrong;
        if (!is_fit(misses, sample))
            continue;
        probes->fits[k]++;
        probes->misses[k] = (unsigned short)(probes->misses[k] + misses);
    }
}

/* What no single case may show: the pattern of the first wrong probe. */
static void describe_probe(const ng_sample *sample, ng_probes *probes)
{
    ng_finding finding;
    ng_finding_init(&finding);
    if (sample->wrong == 0 || probes->words[0] != '\0')
        return;
    ng_describe(sample, &finding);
    snprintf(probes->words, sizeof probes->words, "%.159s", finding.cause);
}

/* The cause that explains all of them takes the place of the pattern. */
static void name_probes(ng_probes *probes, const ng_cause *causes, size_t count)
{
    size_t best = count;
    for (size_t k = 0; probes->wrong > 0 && k < count; k++) {
        if (probes->fits[k] == probes->count &&
            (best == count || probes->misses[k] < probes->misses[best]))
            best = k;
    }
    if (best < count)
        snprintf(probes->words, sizeof probes->words, "behaves as %s",
                 causes[best].words);
}

/* Once per kernel: how many probes each cause explains. */
static void make_probes(ng_trial *trial, const ng_call_state *call,
                        const ng_cause *causes, size_t count)
{
    ng_probes *probes = &trial->probes;
    ng_trial like = *trial;
    ng_case test;
    if (probes->made && probes->kernel == call->kernel)
        return;
    *probes =
        (ng_probes){.made = true, .kernel = call->kernel, .last = SIZE_MAX};
    if (!can_ask(trial, call))
        return;
    like.contract = call->problem.contract;
    for (size_t k = 0; probe_case(&like, k, &test); k++) {
        ng_arena arena = {0};
        ng_call_state probe;
        ng_sample sample;
        ng_verdict verdict;
        if (take_sample(trial, &arena, call->kernel, &test, &probe, &sample,
                        &verdict)) {
            try_probe(&arena, &sample, probes, causes, count);
            describe_probe(&sample, probes);
        }
        ng_arena_release(&arena);
        if (verdict == NG_HANG) /* once is enough */
            break;
    }
    name_probes(probes, causes, count);
}

static void probe(ng_trial *trial, const ng_call_state *call)
{
    ng_arena arena = {0};
    ng_cause *causes = ng_arena_alloc(&arena, NG_CAUSES, sizeof *causes);
    if (causes != NULL)
        make_probes(trial, call, causes, ng_causes(causes));
    ng_arena_release(&arena);
}

/* --- search ------------------------------------------------------------------ */

/* Whether a wrong output is more than a zero or not finite, which many causes
 * give. */
static bool is_telling(const ng_sample *sample)
{
    for (size_t k = 0; k < sample->count; k++) {
        const ng_outcome *o = &sample->outcome[k];
        if (o->wrong && isfinite(o->got) && o->got != 0)
            return true;
    }
    return false;
}

/* What explains the case at hand. */
typedef struct suspect {
    size_t cause, misses; /* misses of the case and its probes */
    unsigned fits;
} suspect;

static bool is_better(const suspect *a, const suspect *b)
{
    return a->fits != b->fits ? a->fits > b->fits : a->misses < b->misses;
}

/* The best cause first, then those as good; how many there are. All must
 * explain `near`, too, if there is one. */
static size_t search(ng_trial *trial, ng_arena *arena, ng_sample *sample,
                     ng_sample *near, const ng_cause *causes, size_t count,
                     suspect best[3])
{
    ng_probes *probes = &trial->probes;
    unsigned most = sample->count > HUGE_CASE ? 1 : MOST_SEARCHES;
    bool all = sample->count <= SMALL || trial->searches++ < most;
    size_t found = 0;
    /* What explained every probe and an earlier case is asked first. */
    if (near == NULL && probes->last < count) {
        size_t misses = misses_of(arena, sample, &causes[probes->last], NULL);
        if (is_fit(misses, sample)) {
            best[0] =
                (suspect){probes->last, misses, probes->fits[probes->last]};
            return 1;
        }
    }
    /* First those that explain every probe: they would win anyway. */
    for (size_t j = 0; all && j < 2 * count; j++) {
        size_t k = j % count;
        suspect s = {k, 0, probes->fits[k]};
        if (j == count && found > 0)
            break;
        if ((j < count) != (s.fits == probes->count))
            continue;
        s.misses = misses_of(arena, sample, &causes[k], NULL);
        if (s.misses == SIZE_MAX)
            continue;
        if (!is_fit(s.misses, sample))
            continue;
        s.misses += probes->misses[k];
        if (near != NULL) {
            size_t misses = misses_of(arena, near, &causes[k], NULL);
            if (!is_fit(misses, near))
                continue;
            s.misses += misses;
        }
        if (found == 0 || is_better(&s, &best[0])) {
            best[0] = s;
            found = 1;
        } else if (!is_better(&best[0], &s) && found < 3) {
            best[found++] = s;
        }
    }
    if (found > 0 && probes->wrong > 0 && best[0].fits == probes->count)
        probes->last = best[0].cause;
    return found;
}

static void tell(ng_trial *trial, ng_arena *arena, ng_sample *sample,
                 const ng_cause *causes, const suspect *best, size_t found,
                 ng_finding *finding)
{
    const ng_probes *probes = &trial->probes;
    char others[2 * NG_CAUSE_WORDS] = "", where[48] = "";
    if (found > 1)
        snprintf(others, sizeof others, " (or: %.100s%s%.100s)",
                 causes[best[1].cause].words, found > 2 ? "; " : "",
                 found > 2 ? causes[best[2].cause].words : "");
    if (best->fits < probes->count)
        snprintf(where, sizeof where, ", though not in other cases");
    size_t misses = misses_of(arena, sample, &causes[best->cause], NULL);
    ng_finding_fail(finding, NG_FAIL,
                    "behaves as %s: %zu of %zu outputs agree, %zu are wrong "
                    "under the declared contract%s%s",
                    causes[best->cause].words, sample->count - misses,
                    sample->count, sample->wrong, where, others);
}

/* Ordinary data in the shape of the case at hand. */
static bool take_near(ng_trial *trial, ng_arena *arena,
                      const ng_call_state *call, ng_call_state *beside,
                      ng_sample *near)
{
    ng_case *test = ng_arena_alloc(arena, 1, sizeof *test);
    ng_verdict verdict;
    if (test == NULL)
        return false;
    *test = *call->test;
    snprintf(test->gen, sizeof test->gen, "offset");
    test->gen_arg = 2;
    snprintf(test->affine, sizeof test->affine, "random");
    snprintf(test->dy, sizeof test->dy, "normal");
    test->seed += 77;
    test->byte_count = SIZE_MAX;
    return take_sample(trial, arena, call->kernel, test, beside, near,
                       &verdict);
}

/* What explains the case but not the probes must at least explain ordinary data
 * of the same shape: some defects show at some sizes only. */
static size_t search_near(ng_trial *trial, ng_arena *arena, ng_sample *sample,
                          const ng_cause *causes, size_t count, suspect best[3])
{
    ng_call_state beside;
    ng_sample near;
    if (!take_near(trial, arena, sample->call, &beside, &near))
        return 0;
    return search(trial, arena, sample, &near, causes, count, best);
}

/* Two causes at once, each of which changes something; they must explain
 * ordinary data of the same shape, too. */
static bool search_pairs(ng_trial *trial, ng_arena *arena, ng_sample *sample,
                         const ng_cause *causes, size_t count,
                         ng_finding *finding)
{
    ng_call_state beside;
    ng_sample near;
    if (sample->count > FEW || trial->probes.pairs++ >= MOST_PAIRS ||
        !can_ask(trial, sample->call) ||
        !take_near(trial, arena, sample->call, &beside, &near))
        return false;
    for (size_t a = 0; a < count; a++) {
        for (size_t b = a + 1; b < count; b++) {
            if (causes[a].defect != ng_defect_none &&
                causes[a].defect == causes[b].defect)
                continue;
            if (misses_of(arena, sample, &causes[a], &causes[b]) > 0 ||
                misses_of(arena, &near, &causes[a], &causes[b]) > 0)
                continue;
            ng_finding_fail(finding, NG_FAIL,
                            "behaves as %s and %s: %zu of %zu outputs agree, "
                            "%zu are wrong under the declared contract",
                            causes[a].words, causes[b].words, sample->count,
                            sample->count, sample->wrong);
            return true;
        }
    }
    return false;
}

/* Whether the same call gives other results when it is made again. */
static bool repeats_badly(ng_trial *trial, const ng_sample *sample,
                          ng_finding *finding)
{
    const ng_call_state *call = sample->call;
    ng_call_state again;
    ng_finding other;
    size_t differ = 0;
    ng_finding_init(&other);
    if (!can_ask(trial, call) || !ng_trial_copy(trial, call, &again, &other) ||
        !ng_trial_call(trial, call->test, &again, &other))
        return false;
    for (size_t k = 0; k < sample->count; k++) {
        const ng_outcome *o = &sample->outcome[k];
        const ng_tensor *tensor = &again.tensor[o->role];
        double got = ng_dtype_get(tensor->dtype, tensor->data, o->index);
        bool both = isnan(got) && isnan(o->got);
        differ += !both && got != o->got && !(fabs(got - o->got) <= o->bound);
    }
    if (differ > 0)
        ng_finding_fail(finding, NG_FAIL,
                        "the second of two equal calls gives another result: "
                        "%zu of %zu outputs differ by more than their bound, "
                        "%zu were wrong in the first",
                        differ, sample->count, sample->wrong);
    return differ > 0;
}

/* A cause for the wrong outputs; false: none is known. */
static bool explain(ng_trial *trial, ng_arena *arena, ng_sample *sample,
                    ng_finding *finding)
{
    const ng_call_state *call = sample->call;
    ng_cause *causes = ng_arena_alloc(arena, NG_CAUSES, sizeof *causes);
    suspect best[3] = {{0, 0, 0}};
    if (causes == NULL)
        return false;
    size_t count = ng_causes(causes);
    make_probes(trial, call, causes, count);
    size_t found = search(trial, arena, sample, NULL, causes, count, best);
    /* NaN and zeros are given by many causes: the probes must tell. */
    const ng_probes *probes = &trial->probes;
    bool told = probes->count == 0 ||
                (best[0].fits == probes->count && probes->wrong > 0);
    if (found > 0 && !told && !is_telling(sample))
        found = 0;
    if (found > 0 && best[0].fits < trial->probes.count)
        found = search_near(trial, arena, sample, causes, count, best);
    if (found > 0)
        tell(trial, arena, sample, causes, best, found, finding);
    if (found > 0 || repeats_badly(trial, sample, finding))
        return true;
    return is_telling(sample) &&
           search_pairs(trial, arena, sample, causes, count, finding);
}

/* Whether two texts name one cause, whatever their numbers: alike up to the
 * first colon. */
static bool says_same(const char *one, const char *other)
{
    size_t named = strcspn(one, ":");
    return named > 0 && one[named] == ':' &&
           strncmp(one, other, named + 1) == 0;
}

void ng_diagnose(ng_trial *trial, const ng_call_state *call,
                 ng_finding *finding)
{
    ng_arena arena = {0};
    ng_sample sample;
    char pattern[sizeof finding->cause];
    if (ng_sample_make(&sample, &arena, call) && sample.wrong > 0 &&
        !explain(trial, &arena, &sample, finding)) {
        ng_describe(&sample, finding);
        memcpy(pattern, finding->cause, sizeof pattern);
        if (trial->probes.words[0] != '\0' &&
            !says_same(pattern, trial->probes.words))
            ng_finding_fail(finding, NG_FAIL, "%.220s; in other cases: %.159s",
                            pattern, trial->probes.words);
    }
    ng_arena_release(&arena);
}

bool ng_diagnose_add(ng_trial *trial, const ng_call_state *call,
                     ng_finding *finding)
{
    ng_arena arena = {0};
    ng_sample sample;
    ng_finding own;
    char words[sizeof finding->cause];
    bool found = ng_sample_make(&sample, &arena, call) && sample.wrong > 0 &&
                 explain(trial, &arena, &sample, &own);
    if (found) {
        memcpy(words, finding->cause, sizeof words);
        ng_finding_fail(finding, NG_FAIL, "%.180s; %.210s", words, own.cause);
    }
    ng_arena_release(&arena);
    return found;
}

void ng_diagnose_case(ng_trial *trial, const ng_case *test, ng_finding *finding)
{
    static const char *const told[] = {"behaves as", "in other cases",
                                       "two equal calls", "never written"};
    ng_call_state call;
    ng_finding own;
    char words[sizeof finding->cause];
    for (size_t k = 0; k < sizeof told / sizeof told[0]; k++) {
        if (strstr(finding->cause, told[k]) != NULL)
            return;
    }
    ng_finding_init(&own);
    if (finding->verdict != NG_FAIL ||
        ng_subject_offline(trial->subject) != NULL ||
        !ng_trial_prepare(trial, test, &call, &own) ||
        !ng_trial_call(trial, test, &call, &own))
        return;
    if (finding->cause[0] == '\0')
        ng_diagnose(trial, &call, finding);
    else if (ng_diagnose_add(trial, &call, finding))
        return;
    probe(trial, &call);
    memcpy(words, finding->cause, sizeof words);
    if (trial->probes.words[0] != '\0' && strstr(words, "behaves") == NULL &&
        strstr(words, "in other cases") == NULL &&
        !says_same(words, trial->probes.words))
        ng_finding_fail(finding, NG_FAIL, "%.220s%s%.159s", words,
                        words[0] != '\0' ? "; in other cases: " : "",
                        trial->probes.words);
}
