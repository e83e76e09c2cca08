using Evose.Admin.Domain;
using Mono.Cecil;
using Mono.Cecil.Rocks;

namespace Evose.Admin.Tests.Rules;

/// <summary>R-01 for use cases: every method of a feature that is told who acts and writes to the database also writes an audit event. Found in the compiled code, so a new one cannot be forgotten.</summary>
public sealed class AuditRules
{
    private const string Features = "Evose.Admin.Features.";

    // What it is told of is not an act of that party.
    private static readonly string[] NotAudited =
    [
        // The event itself is what it writes, and it leaves out repetitions on purpose.
        "Audit.AuditReading.NoteAsync",
    ];

    [Fact]
    public void Every_use_case_that_writes_also_writes_an_audit_event()
    {
        using var module = ModuleDefinition.ReadModule(typeof(Actor).Assembly.Location);
        var methods = module.GetAllTypes().SelectMany(t => t.Methods).ToList();
        var callees = methods.Where(m => m.HasBody).ToDictionary(m => m.FullName, Callees);

        var acts = methods.Where(m => m.IsPublic && m.DeclaringType.FullName.StartsWith(Features, StringComparison.Ordinal) && m.Parameters.Any(p => p.ParameterType.FullName == typeof(Actor).FullName) && m.HasBody).ToList();
        var writing = acts.Where(m => Reaches(m.FullName, callees, IsWrite)).ToList();
        var silent = writing.Where(m => !Reaches(m.FullName, callees, IsAudit)).Select(Name).Except(NotAudited).ToList();

        Assert.True(silent.Count == 0, "These write and leave no trace in the audit: " + string.Join(", ", silent));
        // The rule sees what it is about.
        foreach (var known in (string[])["Credentials.RegisterCredential.ExecuteAsync", "Rotation.PromotePending.ExecuteAsync", "ApiKeys.RevokeApiKey.ExecuteAsync", "Account.RecoveryKeys.ConfirmAsync", "Keys.RotateMasterKey.ExecuteAsync"])
            Assert.Contains(known, writing.Select(Name));
        Assert.DoesNotContain("Credentials.UsageQuery.RunAsync", writing.Select(Name));
    }

    private static string Name(MethodDefinition m) => $"{m.DeclaringType.FullName[Features.Length..]}.{m.Name}";

    // Into methods of features only: what a helper of the platform does for its own reasons proves nothing about the use case.
    private static bool Reaches(string from, Dictionary<string, List<MethodReference>> callees, Func<MethodReference, bool> leaf)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal) { from };
        var open = new Stack<string>(seen);
        while (open.TryPop(out var at))
        {
            foreach (var callee in callees.GetValueOrDefault(at) ?? [])
            {
                if (leaf(callee)) return true;
                if (callee.DeclaringType.FullName.StartsWith(Features, StringComparison.Ordinal) && seen.Add(callee.FullName)) open.Push(callee.FullName);
            }
        }
        return false;
    }

    private static bool IsWrite(MethodReference m) =>
        m.Name is "BeginWriteAsync" or "SaveChangesAsync" or "ExecuteUpdateAsync" or "ExecuteDeleteAsync" or "ExecuteSqlRawAsync" or "ExecuteSqlAsync"
        || (m.DeclaringType.Name.StartsWith("UserManager", StringComparison.Ordinal) && m.Name is "CreateAsync" or "UpdateAsync" or "DeleteAsync" or "UpdateSecurityStampAsync");

    private static bool IsAudit(MethodReference m) => m.DeclaringType.FullName == "Evose.Admin.Platform.Audit.AuditTrail" && m.Name == "Append";

    // Calls, lambdas, and the state machine of an async method, whose body is elsewhere.
    private static List<MethodReference> Callees(MethodDefinition method)
    {
        var found = new List<MethodReference>();
        foreach (var instruction in method.Body.Instructions)
        {
            if (instruction.Operand is not MethodReference called) continue;
            found.Add(called is GenericInstanceMethod generic ? generic.ElementMethod : called);
        }
        var machine = method.CustomAttributes.FirstOrDefault(a => a.AttributeType.Name is "AsyncStateMachineAttribute" or "AsyncIteratorStateMachineAttribute" or "IteratorStateMachineAttribute");
        if (machine?.ConstructorArguments[0].Value is TypeReference type) found.AddRange(type.Resolve().Methods.Where(m => m.Name == "MoveNext"));
        return found;
    }
}
